/** Bundles the extension: out/extension.js for the extension host, out/page.js and out/page.css for the chat page. */
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL(".", import.meta.url));
const both = {
  absWorkingDir: root,
  bundle: true,
  minify: !process.argv.includes("--readable"),
  alias: { "@oricode/client": fileURLToPath(new URL("../typescript/src/index.ts", import.meta.url)) },
  logLevel: "warning",
};

await build({
  ...both,
  entryPoints: { extension: "src/host/extension.ts" },
  outdir: "out",
  platform: "node",
  format: "cjs",
  target: "node20",
  external: ["vscode"],
});
await build({ ...both, entryPoints: { page: "src/page/main.ts" }, outdir: "out", platform: "browser", format: "iife", target: "es2022" });
