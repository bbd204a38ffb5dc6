/** VS Code itself (code-server), in its own process group, on a free port, with fresh folders. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const EXTENSION = fileURLToPath(new URL("../..", import.meta.url));
/** Another installation, to test another version: a folder with bin/node and node_modules/code-server. */
const INSTALLED = process.env["CODE_SERVER"] ?? join(EXTENSION, ".cache", "code-server");
const NODE = join(INSTALLED, "bin", "node");
const PACKAGE = join(INSTALLED, "node_modules", "code-server");

const SETTINGS = {
  "security.workspace.trust.enabled": false,
  "workbench.startupEditor": "none",
  "workbench.tips.enabled": false,
  "telemetry.telemetryLevel": "off",
  "update.mode": "none",
  "extensions.autoCheckUpdates": false,
  "chat.disableAIFeatures": true,
  "editor.minimap.enabled": false,
  "files.autoSave": "off",
  "workbench.secondarySideBar.defaultVisibility": "hidden",
};

export class CodeServer {
  readonly folder = mkdtempSync(join(tmpdir(), "oricode-editor-"));
  readonly workspace = join(this.folder, "workspace");
  private child: ChildProcess | null = null;
  private said = "";
  /** A test run that is told to end (its time is up) takes along the editor, which is in a group of its own. */
  private readonly toldToEnd = () => {
    this.killGroup();
    // vitest lets no process.exit through; the browser ends with the pipe from here.
    process.kill(process.pid, "SIGKILL");
  };

  private constructor(readonly port: number) {
    process.on("SIGTERM", this.toldToEnd).on("SIGINT", this.toldToEnd);
  }

  /** Installs the packaged extension and opens a workspace; `files` by their path in it. */
  static async start(settings: object, files: Record<string, string>): Promise<CodeServer> {
    const server = new CodeServer(await freePort());
    server.prepare(settings, files);
    const folders = ["--user-data-dir", join(server.folder, "data"), "--extensions-dir", join(server.folder, "extensions")];
    await server.run([PACKAGE, ...folders, "--install-extension", join(EXTENSION, "oricode.vsix")]);
    const flags = ["--auth", "none", "--disable-telemetry", "--disable-update-check", "--disable-workspace-trust", "--disable-getting-started-override"];
    server.serve([PACKAGE, "--bind-addr", `127.0.0.1:${server.port}`, ...flags, ...folders, server.workspace]);
    await server.answers("/healthz");
    return server;
  }

  /** Without packaging: the extension's folder with a test suite inside the extension host; see the returned address. */
  static async startWithSuite(settings: object, files: Record<string, string>, suite: string): Promise<{ server: CodeServer; url: string }> {
    const server = new CodeServer(await freePort());
    server.prepare(settings, files);
    const data = join(server.folder, "data");
    server.serve([
      ...[join(PACKAGE, "lib/vscode/out/server-main.js"), "--host", "127.0.0.1", "--port", String(server.port)],
      ...["--without-connection-token", "--accept-server-license-terms", "--enable-smoke-test-driver", "--telemetry-level", "off"],
      ...["--user-data-dir", data, "--server-data-dir", data, "--extensions-dir", join(server.folder, "extensions")],
    ]);
    await server.answers("/version");
    const remote = (path: string) => `vscode-remote://127.0.0.1:${server.port}${path}`;
    const payload = JSON.stringify([
      ["extensionDevelopmentPath", remote(EXTENSION.replace(/\/$/, ""))],
      ["extensionTestsPath", remote(suite)],
    ]);
    return { server, url: `${server.url}&payload=${encodeURIComponent(payload)}` };
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/?folder=${encodeURIComponent(this.workspace)}`;
  }

  /** The same with a file of the workspace open in the editor. */
  urlWith(file: string): string {
    const payload = [["openFile", `vscode-remote://127.0.0.1:${this.port}${join(this.workspace, file)}`]];
    return `${this.url}&payload=${encodeURIComponent(JSON.stringify(payload))}`;
  }

  /** What it printed last, for a failed test. */
  get log(): string {
    return this.said;
  }

  /** kill -9 of the process that runs the extensions; the editor starts another. */
  killExtensionHost(): void {
    const lines = execFileSync("ps", ["-eo", "pid=,pgid=,args="], { encoding: "utf8" }).split("\n");
    const hosts = lines.map((line) => line.trim().split(/\s+/)).filter(([, group, ...args]) => Number(group) === this.child!.pid && args.includes("--type=extensionHost"));
    if (!hosts.length) throw new Error("no extension host runs");
    for (const [pid] of hosts) process.kill(Number(pid), "SIGKILL");
  }

  async stop(): Promise<void> {
    const { child } = this;
    if (child?.pid !== undefined && child.exitCode === null) {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      this.killGroup();
      await gone;
    }
    process.off("SIGTERM", this.toldToEnd).off("SIGINT", this.toldToEnd);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  /** All of it at once: its watchers and extension hosts outlive it otherwise. */
  private killGroup(): void {
    if (this.child?.pid !== undefined && this.child.exitCode === null) process.kill(-this.child.pid, "SIGKILL");
  }

  /** The user's settings, over those of all tests; an open window takes them over by itself. */
  configure(settings: object): void {
    const text = JSON.stringify({ ...SETTINGS, ...settings });
    for (const user of ["data/User", "data/data/User", "data/Machine"]) {
      mkdirSync(join(this.folder, user), { recursive: true });
      writeFileSync(join(this.folder, user, "settings.json"), text);
    }
  }

  private prepare(settings: object, files: Record<string, string>): void {
    this.configure(settings);
    mkdirSync(this.workspace, { recursive: true });
    for (const [path, content] of Object.entries(files)) writeFileSync(join(this.workspace, path), content);
  }

  private serve(args: string[]): void {
    // VSCODE_*, left over from an editor that runs the tests, would confuse the one that is tested.
    const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("VSCODE_")));
    this.child = spawn(NODE, args, { detached: true, env: clean, stdio: ["ignore", "pipe", "pipe"] });
    const keep = (bytes: Buffer) => (this.said = (this.said + bytes.toString()).slice(-8000));
    this.child.stdout!.on("data", keep);
    this.child.stderr!.on("data", keep);
  }

  private async run(args: string[]): Promise<void> {
    this.serve(args);
    const code = await new Promise((resolve) => this.child!.once("exit", resolve));
    if (code !== 0) throw new Error(`code-server ended with ${String(code)}: ${this.said}`);
  }

  private async answers(path: string): Promise<void> {
    const deadline = Date.now() + 120_000;
    for (;;) {
      if (this.child!.exitCode !== null) throw new Error(`code-server ended: ${this.said}`);
      if (Date.now() > deadline) throw new Error(`code-server did not become ready: ${this.said}`);
      if (await fetch(`http://127.0.0.1:${this.port}${path}`).then((answer) => answer.ok, () => false)) return; // prettier-ignore
      await new Promise((resolve) => setTimeout(resolve, 200)); // asks again until it is up, bounded above
    }
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
