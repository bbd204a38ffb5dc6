// Checks ABAP with abaplint. Arguments: the folder whose node_modules holds @abaplint/core, and the ABAP version.
// In: one JSON object per line on stdin, {id, file, source}. Out: first {"ready": true, "checker"}, then for each
// {id, findings}. The checking runs on a thread of its own, so that the process ends the moment stdin closes,
// even in the middle of a check: it never outlives the service.
import { createRequire } from "node:module";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

// Types and classes that only the SAP system knows are taken on trust; names local to a program are not.
const LOCAL_NAMES = "^(LCL_|LIF_|LTY_|TY_)";
const RULES = [
  "parser_error", "structure", "check_syntax", "unknown_types", "implement_methods", "parser_missing_space",
  "begin_end_names",
];
const WARM_UP = "REPORT zwarm.\nDATA x TYPE i.\nx = 1.\nWRITE x.\n";

function checkOnThread({ folder, version }) {
  const require = createRequire(path.resolve(folder, "package.json"));
  const { Config, MemoryFile, Registry } = require("@abaplint/core");
  const config = new Config(JSON.stringify({
    global: { files: "/**/*.*" },
    dependencies: [],
    syntax: { version, errorNamespace: LOCAL_NAMES },
    rules: Object.fromEntries(RULES.map((rule) => [rule, true])),
  }));

  const check = (file, source) =>
    new Registry(config).addFile(new MemoryFile(file, source)).parse().findIssues().slice(0, 1000).map((issue) => ({
      line: issue.getStart().getRow(),
      column: issue.getStart().getCol(),
      rule: issue.getKey(),
      message: issue.getMessage(),
      severity: String(issue.getSeverity()) === "Error" ? "error" : "warning",
    }));

  check("zwarm.prog.abap", WARM_UP);
  const installed = require("@abaplint/core/package.json").version;
  parentPort.postMessage({ ready: true, checker: `abaplint ${installed} (${version})` });
  parentPort.on("message", ({ id, file, source }) => {
    try {
      parentPort.postMessage({ id, findings: check(file, source) });
    } catch (error) {
      parentPort.postMessage({ id, error: String(error) });
    }
  });
}

function relay() {
  const [folder, version] = process.argv.slice(2);
  const thread = new Worker(fileURLToPath(import.meta.url), { workerData: { folder, version } });
  thread.on("message", (message) => process.stdout.write(`${JSON.stringify(message)}\n`));
  thread.on("error", (error) => {
    process.stderr.write(`${error.stack ?? error}\n`, () => process.exit(1));
  });
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => thread.postMessage(JSON.parse(line)));
  lines.on("close", () => process.exit(0));
}

if (isMainThread) relay();
else checkOnThread(workerData);
