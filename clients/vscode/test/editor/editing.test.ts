/** The assistant's tools in a real editor, and what answers do there at the user's wish. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { RealService } from "../../../typescript/test/real_service.js";
import { CodeServer } from "./code_server.js";
import { EDITING } from "./scripts.js";
import { Window } from "./window.js";

const SOURCE = "REPORT zdemo.\nWRITE / 'Hello'.\n";
let service: RealService;
let server: CodeServer;
let window: Window;

beforeAll(async () => {
  service = await RealService.start(EDITING);
  server = await CodeServer.start({ "oricode.url": service.url }, { "zdemo.abap": SOURCE });
  writeFileSync(join(server.folder, "secret.txt"), "not for the model");
});
afterAll(async () => {
  await server?.stop();
  await service?.stop();
});
beforeEach(async () => {
  writeFileSync(join(server.workspace, "zdemo.abap"), SOURCE);
  window = await Window.open();
  await window.load(server.urlWith("zdemo.abap"));
  await window.page.locator(".editor-instance .view-line", { hasText: "WRITE" }).waitFor();
  await window.openChat();
  await window.signIn(service.key);
});
afterEach(async ({ task }) => {
  if (task.result?.state === "fail") await window.shot(`failed ${task.name.slice(0, 40)}`);
  await window?.close();
});

const onDisk = () => readFileSync(join(server.workspace, "zdemo.abap"), "utf8");
const tool = (title: string, state: string) => window.chat.locator(`.tool[data-state=${state}]`, { hasText: title });

test("a proposed change is shown as a diff and applied by the user; a file outside the workspace is refused", async () => {
  await window.ask("Make it friendlier.");
  await tool("read editor", "ok").waitFor();
  await window.page.locator(".monaco-diff-editor", { hasText: "Hello, world" }).waitFor();
  await tool("apply edit", "running").waitFor();
  await window.shot("proposal");
  expect(onDisk()).toBe(SOURCE);
  await window.page.locator('.editor-actions a.action-label[aria-label^="Apply Change"]').click();
  await tool("apply edit", "ok").waitFor();
  expect(onDisk()).toBe("REPORT zdemo.\nWRITE / 'Hello, world'.\n");
  await tool("read file", "error").filter({ hasText: "outside the workspace" }).waitFor();
  await tool("read file", "ok").waitFor();
  await window.chat.locator(".rating").waitFor();
  await window.shot("answer with code");
});

test("a discarded change leaves the file alone, and the model is told", async () => {
  await window.ask("Make it friendlier.");
  const card = window.chat.locator(".composer .card", { hasText: "Apply the proposed change to zdemo.abap?" });
  await card.locator("button", { hasText: "Discard" }).click();
  await card.waitFor({ state: "hidden" });
  await tool("apply edit", "error").filter({ hasText: "discarded" }).waitFor();
  await window.chat.locator(".rating").waitFor();
  expect(onDisk()).toBe(SOURCE);
  await window.page.locator(".monaco-diff-editor").waitFor({ state: "detached" });
});

test("the answer's code block is shown as a diff of the open file, and inserted at the cursor", async () => {
  await window.ask("Make it friendlier.");
  await window.page.locator('.editor-actions a.action-label[aria-label^="Discard Change"]').click();
  await window.chat.locator(".rating").waitFor();
  await window.command("Oricode: Show Last Code Block as Diff");
  await window.page.locator(".monaco-diff-editor", { hasText: "Says hello" }).waitFor();
  await window.page.locator('.editor-actions a.action-label[aria-label^="Apply Change"]').click();
  await window.page.locator(".monaco-diff-editor").waitFor({ state: "detached" });
  expect(onDisk()).toContain('REPORT zdemo.\n" Says hello.\n');
  await window.chat.locator("figure button", { hasText: "Insert" }).first().click();
  await window.page.locator(".tab.dirty", { hasText: "zdemo.abap" }).waitFor();
});

test("a question about the selection carries it, by name and lines", async () => {
  await window.page.locator(".monaco-editor .view-line", { hasText: "WRITE" }).click({ clickCount: 3 });
  await window.command("Oricode: Ask About Selection");
  await window.chat.locator(".chip", { hasText: "zdemo.abap:2-3" }).waitFor();
  await window.shot("selection attached");
  await window.ask("What does this do?");
  await window.chat.locator(".context", { hasText: "zdemo.abap:2-3" }).waitFor();
  await window.chat.locator(".chip").waitFor({ state: "hidden" });
  await window.command("Oricode: Stop");
  await window.chat.locator(".note", { hasText: "Stopped." }).waitFor();
});

test("a chat is found again, with its tools, and can be rated", async () => {
  await window.ask("Remember the green elephant.");
  await window.page.locator('.editor-actions a.action-label[aria-label^="Discard Change"]').click();
  await window.chat.locator(".rating").waitFor();
  await window.newChat();
  await window.command("Oricode: Choose Chat");
  await window.page.locator(".quick-input-list .monaco-list-row", { hasText: "green elephant" }).first().click();
  await window.chat.locator(".prompt", { hasText: "green elephant" }).waitFor();
  await tool("read editor", "ok").waitFor();
  await window.chat.locator(".rating button", { hasText: "Helpful" }).first().click();
  await window.chat.locator('.rating button[aria-pressed="true"]', { hasText: "Helpful" }).waitFor();
});
