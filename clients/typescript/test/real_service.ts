/** The service itself as a process of its own, playing a script. In: steps of a script file. Out: an address and a key. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ORICODE = process.env["ORICODE"] ?? fileURLToPath(new URL("../../../.venv/bin/oricode", import.meta.url));
export const INSTALLED = existsSync(ORICODE);

export class RealService {
  key = "";
  private child: ChildProcess | null = null;
  private readonly folder = mkdtempSync(join(tmpdir(), "oricode-service-"));

  private constructor(private readonly port: number) {}

  /** `script` as YAML, see oricode_service/models/script_file.py; `settings` as environment variables. */
  static async start(script: string, settings: Record<string, string> = {}): Promise<RealService> {
    const service = new RealService(await freePort());
    writeFileSync(join(service.folder, "script.yaml"), script);
    const data = join(service.folder, "data");
    service.key = execFileSync(ORICODE, ["keys", "create", "--user", "tester", "--data-dir", data], { encoding: "utf8" }).trim().split("\n").at(-1)!;
    service.settings = { ...settings, ORICODE_SCRIPT: join(service.folder, "script.yaml") };
    await service.run();
    return service;
  }

  private settings: Record<string, string> = {};

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** kill -9: nothing is said goodbye. */
  async kill(): Promise<void> {
    const { child } = this;
    this.child = null;
    if (!child) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;
  }

  /** Starts it (again) unless it runs, on the same port and data; resolves when it answers. */
  async run(): Promise<void> {
    if (this.child?.exitCode === null) return;
    const args = ["serve", "--port", String(this.port), "--data-dir", join(this.folder, "data"), "--model", "demo"];
    const child = (this.child = spawn(ORICODE, args, { env: { ...process.env, ...this.settings }, stdio: ["ignore", "ignore", "pipe"] }));
    let said = "";
    child.stderr!.on("data", (bytes: Buffer) => (said = (said + bytes.toString()).slice(-4000)));
    const deadline = Date.now() + 60_000;
    for (;;) {
      if (child.exitCode !== null) throw new Error(`oricode serve ended with ${child.exitCode}: ${said}`);
      if (Date.now() > deadline) throw new Error(`oricode serve did not become ready: ${said}`);
      const ready = await fetch(`${this.url}/readyz`).then((answer) => answer.ok, () => false); // prettier-ignore
      if (ready) return;
      await new Promise((resolve) => setTimeout(resolve, 100)); // asks again until it is up, bounded above
    }
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
