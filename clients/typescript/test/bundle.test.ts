/** The one file that pages load. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { ScriptedService, connected, content, done, messageStart } from "./scripted_service.js";
import { bundle } from "../bundle.mjs";

const code = await bundle();

test("is under 12 KB gzipped and depends on nothing", () => {
  expect(gzipSync(code).length).toBeLessThan(12 * 1024);
  expect(code).not.toMatch(/\bimport\s*["'{(]/);
});

test("comes out the same every time", async () => expect(await bundle()).toBe(code));

test("holds no path of the machine that built it", () => expect(code).not.toContain(process.cwd()));

test("talks to a service by itself", async () => {
  const folder = mkdtempSync(join(tmpdir(), "oricode-bundle-"));
  const file = join(folder, "client.mjs");
  writeFileSync(file, code);
  const { OricodeClient } = (await import(file)) as typeof import("../src/index.js");
  const service = await ScriptedService.start([[connected(), messageStart(1), content(2, "Hello"), done(3)]]);
  expect(await new OricodeClient(service.url, "k").ask("Hello?")).toBe("Hello");
  await service.close();
  rmSync(folder, { recursive: true });
});
