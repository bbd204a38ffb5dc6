/** The chunked deployment, watched in VS Code to its end: as it should be, and with the service killed in the middle. */
import { OricodeClient } from "@oricode/client";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { RealService } from "../../../typescript/test/real_service.js";
import { CodeServer } from "./code_server.js";
import { DEPLOYMENT, REPORT, SOURCE, parts } from "./scripts.js";
import { Window } from "./window.js";

const QUESTION = "Write the report of open orders, and deploy it.";
const STEPS = parts.map((_part, index) => `Storing chunk ${index + 1}/8... ${Math.floor((index + 1) * 12.5)}%`);
const ENDING = ["Checking syntax... 100%", "Deploying code to SAP... 100%", "✓ Complete"];

let service: RealService;
let server: CodeServer;
let window: Window;

beforeAll(async () => {
  service = await RealService.start(DEPLOYMENT);
  server = await CodeServer.start({ "oricode.url": service.url, "window.autoDetectColorScheme": true }, { "zorders.abap": SOURCE });
});
afterAll(async () => {
  await server?.stop();
  await service?.stop();
});
beforeEach(async () => {
  window = await Window.open();
  await window.load(server.urlWith("zorders.abap"));
  await window.openChat();
  await window.signIn(service.key);
});
afterEach(async ({ task }) => {
  if (task.result?.state === "fail") await window.shot(`failed ${task.name.slice(0, 40)}`);
  await window?.close();
});

/** The status bar's texts that tell of the run, each once, in the order in which they were first seen. */
const steps = (seen: string[]) => [...new Set(seen.filter((text) => [...STEPS, ...ENDING, "Reconnecting..."].includes(text)))];

test("eight chunks move the status bar and the view's bar, to the end", async () => {
  const seen = await window.watchStatus();
  await window.ask(QUESTION);
  await window.chat.locator(".label", { hasText: "Storing chunk 3/8" }).waitFor();
  expect(await window.chat.locator("[role=progressbar]").getAttribute("aria-valuenow")).toBe("37");
  await window.chat.locator(".tool[data-state=writing] pre", { hasText: "FORM form_4" }).waitFor();
  await window.shot("progress light");
  await window.page.emulateMedia({ colorScheme: "dark" });
  await window.page.locator(".monaco-workbench.vs-dark").waitFor();
  await window.chat.locator(".tool[data-state=writing] pre", { hasText: "FORM form_6" }).waitFor();
  await window.shot("progress dark");
  await window.page.setViewportSize({ width: 520, height: 700 });
  await window.chat.locator(".label", { hasText: "Storing chunk 6/8" }).waitFor();
  await window.shot("progress narrow");
  await window.page.setViewportSize({ width: 1280, height: 860 });
  await window.answered([...parts, REPORT].join(" "));
  expect(steps(await seen())).toEqual([...STEPS, ...ENDING]);
  expect(await window.chat.locator(".path").textContent()).toBe("Answers come by WebSocket");
  expect(await window.chat.locator(".tool[data-state=ok]").count()).toBe(10);
  await window.shot("complete dark");
});

test("the service is killed at chunk 4 and started again: reconnecting is shown, and every character comes once", async () => {
  const seen = await window.watchStatus();
  await window.page.emulateMedia({ colorScheme: "dark" });
  await window.ask(QUESTION);
  await window.chat.locator(".label", { hasText: "Storing chunk 4/8" }).waitFor();
  await service.kill();
  await window.chat.locator(".label", { hasText: "Reconnecting..." }).waitFor();
  await window.status.filter({ hasText: "Reconnecting..." }).waitFor();
  await window.shot("reconnecting");
  await service.run();
  await window.answered([...parts, REPORT].join(" "));
  await window.status.filter({ hasText: "✓ Complete" }).waitFor();
  expect(steps(await seen())).toEqual([...STEPS.slice(0, 4), "Reconnecting...", ...STEPS.slice(4), ...ENDING]);
  expect(await window.chat.locator(".tool[data-state=ok]").count()).toBe(10);
  // What the service has kept is the same: the answer, and the program out of its chunks.
  const client = new OricodeClient(service.url, service.key);
  const { chats } = (await client.chats()) as { chats: { chat_id: string }[] };
  const { messages } = (await client.messages(chats[0]!.chat_id)) as { messages: StoredMessage[] };
  const texts = messages.filter(({ role }) => role === "assistant").flatMap(({ content }) => content.flatMap((block) => block.text ?? []));
  expect(texts.map((text) => text.trim())).toEqual([...parts, REPORT]);
  const program = await fetch(`${service.url}/api/programs/ZORDERS`, { headers: { "X-API-Key": service.key } });
  expect(await program.json()).toMatchObject({ source: SOURCE, chunks: 8, missing: [] });
});

interface StoredMessage {
  role: string;
  content: { type: string; text?: string }[];
}
