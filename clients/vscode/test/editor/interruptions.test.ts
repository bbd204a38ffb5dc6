/** The editor itself is interrupted in mid-run: reloaded, its extensions killed, the view hidden, the run stopped. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { RealService } from "../../../typescript/test/real_service.js";
import { CodeServer } from "./code_server.js";
import { BRISK_DEPLOYMENT, QUESTION, TEXTS, reached } from "./deployment_script.js";
import { Window } from "./window.js";

const ANSWER = TEXTS.join(" ");
let service: RealService;
let server: CodeServer;
let window: Window;

beforeAll(async () => {
  service = await RealService.start(BRISK_DEPLOYMENT);
  server = await CodeServer.start({ "oricode.url": service.url }, { "zdemo.abap": "REPORT zdemo.\n" });
});
afterAll(async () => {
  await server?.stop();
  await service?.stop();
});
beforeEach(async () => {
  window = await Window.open();
  await window.load(server.url);
  await window.openChat();
  await window.signIn(service.key);
  await window.ask(QUESTION);
});
afterEach(async ({ task }) => {
  if (task.result?.state === "fail") await window.shot(`failed ${task.name.slice(0, 40)}`);
  await window?.close();
});

test("the window is reloaded in mid-run and shows the answer to its end", async () => {
  await window.chat.locator(".label", { hasText: reached(3) }).waitFor();
  await window.reload();
  await window.status.filter({ hasText: reached(1) }).waitFor();
  await window.openChat();
  await window.chat.locator(".prompt", { hasText: QUESTION }).waitFor();
  await window.answered(ANSWER);
});

test("the extension host is killed in mid-run: the answer goes on, in the status bar and in the view", async () => {
  await window.chat.locator(".label", { hasText: reached(3) }).waitFor();
  server.killExtensionHost();
  await window.status.filter({ hasText: "✓ Complete" }).waitFor();
  await window.openChat();
  await window.answered(ANSWER);
});

test("the view is hidden in mid-run: the status bar goes on, and the view shows everything when it is back", async () => {
  await window.chat.locator("textarea").fill("A draft that I have not sent");
  await window.chat.locator(".label", { hasText: reached(2) }).waitFor();
  await window.hideChat();
  await window.status.filter({ hasText: reached(4) }).waitFor();
  await window.openChat();
  expect(await window.chat.locator("textarea").inputValue()).toBe("A draft that I have not sent");
  await window.chat.locator(".blocks", { hasText: TEXTS[3]! }).waitFor();
  await window.answered(ANSWER);
});

test("stop ends the answer", async () => {
  await window.chat.locator(".label", { hasText: reached(1) }).waitFor();
  await window.chat.locator("button", { hasText: "Stop" }).click();
  await window.chat.locator(".note", { hasText: "Stopped." }).waitFor();
  await window.status.filter({ hasText: "Stopped" }).waitFor();
});
