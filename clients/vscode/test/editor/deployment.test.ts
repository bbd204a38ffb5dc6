/** The chunked deployment, watched in VS Code: status bar and view, over a kill, a reload and a hidden view. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { RealService } from "../../../typescript/test/real_service.js";
import { CodeServer } from "./code_server.js";
import { DEPLOYMENT, REPORT, parts } from "./scripts.js";
import { PATIENCE, Window } from "./window.js";

let service: RealService;
let server: CodeServer;
let window: Window;

beforeAll(async () => {
  service = await RealService.start(DEPLOYMENT);
  server = await CodeServer.start({ "oricode.url": service.url, "window.autoDetectColorScheme": true }, { "zdemo.abap": "REPORT zdemo.\n" });
});
afterAll(async () => {
  await server?.stop();
  await service?.stop();
});
beforeEach(async () => {
  await service.run();
  window = await Window.open();
  await window.load(server.url);
  await window.openChat();
  await window.signIn(service.key);
  await window.newChat();
});
afterEach(async ({ task }) => {
  if (task.result?.state === "fail") await window.shot(`failed ${task.name.slice(0, 40)}`);
  await window?.close();
});

/** The whole answer as the view shows it, in one line. */
async function shown(): Promise<string> {
  const texts = await window.chat.locator(".blocks .markdown").allInnerTexts();
  return texts.join(" ").replace(/\s+/g, " ").trim();
}

async function ended(): Promise<void> {
  await window.chat.locator(".rating").waitFor({ timeout: PATIENCE });
  expect(await shown()).toBe([...parts, REPORT].join(" "));
}

test("eight chunks move the status bar and the view's bar, to the end", async () => {
  const statuses = await window.watchStatus();
  await window.ask("Write the report of open orders, and deploy it.");
  await window.chat.locator(".label", { hasText: "Storing chunk 3/8" }).waitFor();
  expect(await window.chat.locator("[role=progressbar]").getAttribute("aria-valuenow")).toBe("37");
  await window.chat.locator(".tool[data-state=writing] pre", { hasText: "FORM form_4" }).waitFor();
  await window.shot("progress light");
  await window.page.emulateMedia({ colorScheme: "dark" });
  await window.page.locator(".monaco-workbench.vs-dark").waitFor();
  await window.chat.locator(".label", { hasText: "Storing chunk 5/8" }).waitFor();
  await window.shot("progress dark");
  await window.page.setViewportSize({ width: 520, height: 700 });
  await window.chat.locator(".label", { hasText: "Storing chunk 6/8" }).waitFor();
  await window.shot("progress narrow");
  await window.page.setViewportSize({ width: 1280, height: 860 });
  await ended();
  const seen = (await statuses()).map((text) => text.trim());
  const steps = parts.map((_part, index) => `Storing chunk ${index + 1}/8... ${Math.floor((index + 1) * 12.5)}%`);
  const wanted = [...steps, "Checking syntax... 100%", "Deploying code to SAP... 100%", "✓ Complete"];
  expect(seen.filter((text) => wanted.includes(text))).toEqual(wanted);
  expect(await window.chat.locator(".path").textContent()).toBe("Answers come by WebSocket");
  expect(await window.chat.locator(".tool[data-state=ok]").count()).toBe(10);
  await window.shot("complete dark");
});

test("the service is killed at chunk 4 and started again: the view says so, and every character comes once", async () => {
  await window.ask("Write the report of open orders, and deploy it.");
  await window.chat.locator(".label", { hasText: "Storing chunk 4/8" }).waitFor();
  await service.kill();
  await window.chat.locator(".label", { hasText: "Reconnecting..." }).waitFor();
  await window.status.filter({ hasText: "Reconnecting..." }).waitFor();
  await window.shot("reconnecting light");
  await service.run();
  await window.chat.locator(".label", { hasText: "Storing chunk 6/8" }).waitFor();
  await ended();
  await window.status.filter({ hasText: "✓ Complete" }).waitFor();
});

test("the window is reloaded in mid-run and shows the answer to its end", async () => {
  await window.ask("Write the report of open orders, and deploy it.");
  await window.chat.locator(".label", { hasText: "Storing chunk 3/8" }).waitFor();
  await window.reload();
  await window.status.filter({ hasText: /Storing chunk|Checking|Deploying/ }).waitFor();
  await window.openChat();
  await window.chat.locator(".prompt", { hasText: "open orders" }).waitFor();
  await ended();
});

test("the extension host is killed in mid-run: the answer goes on, in the status bar and in the view", async () => {
  await window.ask("Write the report of open orders, and deploy it.");
  await window.chat.locator(".label", { hasText: "Storing chunk 3/8" }).waitFor();
  server.killExtensionHost();
  await window.status.filter({ hasText: /Storing chunk [5-8]|Checking|Deploying/ }).waitFor();
  await window.openChat();
  await ended();
});

test("the view is hidden in mid-run: the status bar goes on, and the view shows everything when it is back", async () => {
  await window.ask("Write the report of open orders, and deploy it.");
  await window.chat.locator("textarea").fill("A draft that I have not sent");
  await window.chat.locator(".label", { hasText: "Storing chunk 2/8" }).waitFor();
  await window.hideChat();
  await window.status.filter({ hasText: "Storing chunk 4/8... 50%" }).waitFor();
  await window.openChat();
  expect(await window.chat.locator("textarea").inputValue()).toBe("A draft that I have not sent");
  await window.chat.locator(".blocks", { hasText: parts[3]! }).waitFor();
  await ended();
});

test("stop ends the answer", async () => {
  await window.ask("Write the report of open orders, and deploy it.");
  await window.chat.locator(".label", { hasText: "Storing chunk 1/8" }).waitFor();
  await window.chat.locator("button", { hasText: "Stop" }).click();
  await window.chat.locator(".note", { hasText: "Stopped." }).waitFor();
  await window.status.filter({ hasText: "Stopped" }).waitFor();
});
