/** The client as the text of one ES module for browsers and Node.js; the same sources give the same text everywhere. */
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

export async function bundle() {
  const result = await build({
    absWorkingDir: fileURLToPath(new URL(".", import.meta.url)),
    entryPoints: ["src/index.ts"],
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "neutral",
    target: "es2022",
    charset: "utf8",
    legalComments: "none",
  });
  return result.outputFiles[0].text;
}
