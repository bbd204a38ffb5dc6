/** The conversation against a service that plays scripts: asking, retrying, stopping, and surviving reloads. */
import { OricodeClient } from "@oricode/client";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  CHAT, RUN, ScriptedService, connected, content, done, event, messageStart, refuse, silence, type Step,
} from "../../../typescript/test/scripted_service.js"; // prettier-ignore
import { Conversation } from "../../src/host/conversation.js";
import type { Saved } from "../../src/host/saved.js";
import type { Exchange } from "../../src/shared/messages.js";

let service: ScriptedService;
let saved: Saved | undefined;
let conversations: Conversation[];

beforeEach(() => {
  saved = undefined;
  conversations = [];
});
afterEach(async () => {
  for (const one of conversations) one.dispose();
  await service.close();
});

/** A window: its conversation, and a wait for what it shows. */
function open(): { conversation: Conversation; until: (condition: () => boolean) => Promise<void> } {
  let ids = 0;
  let changed = () => {};
  const notice = () => changed();
  const memory = { load: () => saved, save: (value: Saved) => (saved = JSON.parse(JSON.stringify(value)) as Saved) };
  const client = new OricodeClient(service.url, "k", { transport: "sse", clientType: "vscode", patienceMs: Infinity });
  const conversation = new Conversation(
    { client, tools: () => [], model: () => "demo", memory, newId: () => `id${conversations.length}-${ids++}` },
    { replaced: notice, changed: notice, event: notice },
  );
  conversations.push(conversation);
  const until = async (condition: () => boolean) => {
    while (!condition()) await new Promise<void>((resolve) => (changed = resolve));
  };
  return { conversation, until };
}

const only = ({ exchanges }: Conversation): Exchange => {
  expect(exchanges).toHaveLength(1);
  return exchanges[0]!;
};
const answer: Step[] = [connected(), messageStart(1), content(2, "Hello"), done(3)];

test("a question is answered, in a chat that goes on with the next one", async () => {
  service = await ScriptedService.start([answer, answer]);
  const { conversation, until } = open();
  conversation.ask("Hi?", { label: "a.abap:1-2", text: "From a.abap:1-2:\n```\nX\n```" });
  await until(() => conversation.live === null);
  expect(only(conversation)).toMatchObject({ prompt: "Hi?", context: "a.abap:1-2", runId: RUN, failure: null });
  expect(only(conversation).view).toMatchObject({ busy: false, run: { text: "Hello", status: "completed" } });
  expect(service.asked[0]?.data).toMatchObject({ prompt: "From a.abap:1-2:\n```\nX\n```\n\nHi?", model: "demo", client_type: "vscode", approvals: true });
  conversation.ask("And now?");
  await until(() => conversation.live === null);
  expect(service.asked[1]?.data).toMatchObject({ chat_id: CHAT });
});

describe("a reload of the window", () => {
  test("in mid-run takes the run up from a snapshot", async () => {
    const folded = { run_id: RUN, chat_id: CHAT, status: "running", text: "Half", tool_calls: [], approvals: [] };
    const message = { message_id: "msg_1", turn: 1, attempt: 1, model: "demo", complete: false, blocks: [{ index: 0, type: "text", text: "Half" }] };
    service = await ScriptedService.start([
      [connected(), messageStart(1), content(2, "Half"), silence],
      [connected(), event(2, "snapshot", { ...folded, messages: [message] }), content(3, " and whole."), done(4)],
    ]);
    const before = open();
    before.conversation.ask("Hi?");
    await before.until(() => before.conversation.live?.view.run.text === "Half");
    before.conversation.dispose();
    const { conversation, until } = open();
    conversation.restore();
    await until(() => conversation.live === null);
    expect(service.asked[1]).toMatchObject({ what: "events", data: { from: "snapshot" } });
    expect(only(conversation)).toMatchObject({ prompt: "Hi?", runId: RUN, view: { run: { text: "Half and whole." } } });
  });

  test("before the start was answered sends the same start again", async () => {
    service = await ScriptedService.start([[silence], answer]);
    const before = open();
    before.conversation.ask("Hi?");
    await service.until(() => service.asked.length === 1);
    before.conversation.dispose();
    const { conversation, until } = open();
    conversation.restore();
    await until(() => conversation.live === null);
    expect(service.asked[1]?.headers["idempotency-key"]).toBe(service.asked[0]?.headers["idempotency-key"]);
    expect(service.asked[1]?.data).toEqual(service.asked[0]?.data);
  });

  test("afterwards shows the answer without asking the service", async () => {
    service = await ScriptedService.start([answer]);
    const before = open();
    before.conversation.ask("Hi?");
    await before.until(() => before.conversation.live === null);
    const { conversation } = open();
    conversation.restore();
    expect(only(conversation)).toMatchObject({ prompt: "Hi?", view: { label: "✓ Complete", busy: false, run: { text: "Hello" } } });
    expect(only(conversation).view.run.messages).toHaveLength(1);
    expect(service.asked).toHaveLength(1);
  });

  test("keeps no tool inputs and no more text than it must", async () => {
    const big = event(2, "tool_call", { tool_call_id: "c", name: "t", input: { code: "secret ".repeat(20_000) }, runs: "server" });
    service = await ScriptedService.start([[connected(), big, done(3)]]);
    const { conversation, until } = open();
    conversation.ask("Hi?");
    await until(() => conversation.live === null);
    expect(JSON.stringify(saved).length).toBeLessThan(2000);
  });
});

test("a refused question says why, and can be asked again", async () => {
  service = await ScriptedService.start([[refuse(401, "unauthorized", false)], answer]);
  const { conversation, until } = open();
  conversation.ask("Hi?", { label: "a", text: "From a:" });
  await until(() => conversation.live === null);
  expect(only(conversation).failure).toMatchObject({ code: "unauthorized", message: expect.stringContaining("does not accept your key"), retryable: false });
  conversation.resumeAfterSignIn();
  await until(() => conversation.live === null);
  expect(only(conversation)).toMatchObject({ failure: null, view: { run: { text: "Hello" } } });
  expect(service.asked[1]?.data).toMatchObject({ prompt: "From a:\n\nHi?" });
});

test("stopping ends the run at the service", async () => {
  let cancelled = () => {};
  const waiting: Step = () => new Promise<void>((resolve) => (cancelled = resolve));
  service = await ScriptedService.start([[connected(), messageStart(1), waiting, done(2, "cancelled")]]);
  const { conversation, until } = open();
  conversation.ask("Hi?");
  await until(() => only(conversation).view.run.messages.length === 1);
  await conversation.stop();
  cancelled();
  await until(() => conversation.live === null);
  expect(only(conversation).view.label).toBe("Stopped");
  expect(service.asked.map(({ what }) => what)).toContain("cancel");
});

test("a new chat leaves the run of the old one alone", async () => {
  service = await ScriptedService.start([[connected(), messageStart(1), silence], answer]);
  const { conversation, until } = open();
  conversation.ask("Hi?");
  await until(() => only(conversation).runId === RUN);
  conversation.clear();
  expect([conversation.exchanges, conversation.live, conversation.chatId]).toEqual([[], null, null]);
  conversation.ask("Something else?");
  await until(() => conversation.live === null);
  expect(service.asked.map(({ what }) => what)).not.toContain("cancel");
  expect(service.asked[1]?.data).not.toHaveProperty("chat_id");
});

test("a stored chat is shown with its tools, and its live run is followed", async () => {
  const stored = [
    { role: "user", content: "Store it.", run_id: "run_1" },
    { role: "assistant", run_id: "run_1", content: [{ type: "thinking", thinking: "Hm." }, { type: "text", text: "Storing." }, { type: "tool_use", id: "t1", name: "mcp_store_code_chunk", input: { code: "X" } }] },
    { role: "user", run_id: "run_1", content: [{ type: "tool_result", tool_use_id: "t1", content: "Chunk 1/1 stored.\nAll." }] },
    { role: "assistant", run_id: "run_1", content: [{ type: "text", text: " Done." }] },
    { role: "user", content: [{ type: "text", text: "And now?" }], run_id: RUN },
  ]; // prettier-ignore
  service = await ScriptedService.start([answer]);
  service.answers[`/api/chats/${CHAT}`] = [{ chat_id: CHAT, messages: stored.slice(0, 2), next: "n" }, { messages: stored.slice(2) }];
  const { conversation, until } = open();
  await conversation.open(CHAT, RUN);
  await until(() => conversation.live === null);
  const [first, second] = conversation.exchanges;
  expect(first).toMatchObject({ prompt: "Store it.", runId: "run_1", view: { busy: false, run: { text: "Storing. Done.", status: "completed" } } });
  expect(first?.view.run.tool_calls).toMatchObject([{ name: "mcp_store_code_chunk", state: "ended", status: "ok", summary: "Chunk 1/1 stored." }]);
  expect(second).toMatchObject({ prompt: "And now?", view: { run: { text: "Hello" } } });
  expect(conversation.chatId).toBe(CHAT);
});
