/** Runs test/host/suite.ts inside the real extension host, and reports how it ended. */
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { expect, test } from "vitest";
import { CodeServer } from "./code_server.js";
import { PATIENCE, Window } from "./window.js";

const root = fileURLToPath(new URL("../..", import.meta.url));

test("the suite passes inside the extension host", async () => {
  await build({
    entryPoints: [`${root}test/host/suite.ts`],
    outfile: `${root}.cache/host-suite/index.js`,
    bundle: true,
    platform: "node",
    format: "cjs",
    target: "node20",
    external: ["vscode"],
    alias: { "@oricode/client": `${root}../typescript/src/index.ts` },
  });
  const { server, url } = await CodeServer.startWithSuite({}, {}, `${root}.cache/host-suite/index.js`);
  const window = await Window.open();
  try {
    const said: string[] = [];
    const code = new Promise<number>((resolve) => {
      void window.page.exposeFunction("codeAutomationExit", (exitCode: number) => resolve(exitCode));
      void window.page.exposeFunction("codeAutomationLog", (_type: string, args: unknown[]) => void said.push(args.join(" ")));
    });
    await window.page.goto(url);
    const ended = await Promise.race([code, window.page.waitForTimeout(PATIENCE * 2).then(() => "not within time")]);
    expect(ended, said.join("\n")).toBe(0);
    expect(said.join("\n")).toMatch(/passed: 11/);
  } finally {
    await window.close();
    await server.stop();
  }
});
