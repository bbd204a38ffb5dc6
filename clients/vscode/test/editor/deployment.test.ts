/** The chunked deployment, watched in VS Code to its end: as it should be, and with the service killed in the middle. */
import { OricodeClient } from "@oricode/client";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { RealService } from "../../../typescript/test/real_service.js";
import { CodeServer } from "./code_server.js";
import { DEPLOYMENT, QUESTION, SOURCE, STATUSES, TEXTS, reached } from "./deployment_script.js";
import { Window } from "./window.js";

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
const steps = (seen: string[]) => [...new Set(seen.filter((text) => [...STATUSES, "Reconnecting..."].includes(text)))];
const label = (shown: RegExp | string) => window.chat.locator(".label", { hasText: shown });

test("eight chunks move the status bar and the view's bar, to the end", async () => {
  const seen = await window.watchStatus();
  await window.ask(QUESTION);
  await label(reached(2)).waitFor();
  const percent = Number(await window.chat.locator("[role=progressbar]").getAttribute("aria-valuenow"));
  expect(STATUSES.filter((text) => text.startsWith("Storing") && text.endsWith(` ${percent}%`))).toHaveLength(1);
  await window.shot("progress light");
  await window.page.emulateMedia({ colorScheme: "dark" });
  await window.page.locator(".monaco-workbench.vs-dark").waitFor();
  await label(reached(3)).waitFor();
  await window.chat.locator(".tool[data-state=writing] pre", { hasText: /\.\n/ }).waitFor();
  await window.shot("progress dark");
  await window.page.setViewportSize({ width: 520, height: 700 });
  await label(reached(6)).waitFor();
  await window.shot("progress narrow");
  await window.page.setViewportSize({ width: 1280, height: 860 });
  await window.answered(TEXTS.join(" "));
  expect(steps(await seen())).toEqual(STATUSES);
  expect(await window.chat.locator(".path").textContent()).toBe("Answers come by WebSocket");
  expect(await window.chat.locator(".tool[data-state=ok]").count()).toBe(10);
  await window.shot("complete dark");
});

test("the service is killed at chunk 4 and started again: reconnecting is shown, and every character comes once", async () => {
  const seen = await window.watchStatus();
  await window.page.emulateMedia({ colorScheme: "dark" });
  await window.ask(QUESTION);
  await label(reached(4)).waitFor();
  await service.kill();
  await label("Reconnecting...").waitFor();
  await window.status.filter({ hasText: "Reconnecting..." }).waitFor();
  await window.shot("reconnecting");
  await service.run();
  await window.answered(TEXTS.join(" "));
  await window.status.filter({ hasText: "✓ Complete" }).waitFor();
  const shown = steps(await seen());
  expect(shown.filter((text) => text !== "Reconnecting...")).toEqual(STATUSES);
  expect(shown.slice(0, 4)).toEqual(STATUSES.slice(0, 4));
  expect(shown.indexOf("Reconnecting...")).toBeLessThan(shown.indexOf("✓ Complete"));
  expect(await window.chat.locator(".tool[data-state=ok]").count()).toBe(10);
  // What the service has kept is the same: the answer, and the program out of its chunks.
  const client = new OricodeClient(service.url, service.key);
  const { chats } = (await client.chats()) as { chats: { chat_id: string }[] };
  const { messages } = (await client.messages(chats[0]!.chat_id)) as { messages: StoredMessage[] };
  const texts = messages.filter(({ role }) => role === "assistant").flatMap(({ content }) => content.flatMap((block) => block.text ?? []));
  expect(texts.map((text) => text.trim())).toEqual(TEXTS);
  const program = await fetch(`${service.url}/api/programs/ZORDERS`, { headers: { "X-API-Key": service.key } });
  expect(await program.json()).toMatchObject({ source: SOURCE, chunks: 8, missing: [] });
});

interface StoredMessage {
  role: string;
  content: { type: string; text?: string }[];
}
