/** The answer as one document: for networks that let no stream through. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { OricodeClient, type ChatOptions } from "../src/client.js";
import { OwnedTiming } from "./owned_timing.js";
import { CHAT, RUN, ScriptedService, refuse, silence, type Step } from "./scripted_service.js";

let timing: OwnedTiming;
let service: ScriptedService | undefined;

beforeEach(() => {
  timing = new OwnedTiming();
});
afterEach(async () => {
  await service?.close();
  service = undefined;
});

const ask = async (scripts: unknown[][], options: ChatOptions = {}) => {
  service = await ScriptedService.start(scripts as Step[][]);
  return new OricodeClient(service.url, "sk-test", { transport: "json", timing }).chat("Hello?", options);
};
const answer = (more = {}) => ({
  run_id: RUN, chat_id: CHAT, status: "completed", text: "Hello world", stop_reason: "end_turn", usage: { output_tokens: 2 },
  message: { role: "assistant", content: [{ type: "text", text: "world" }] }, duration_ms: 5, last_event_id: `${RUN}.1.4`, ...more,
}); // prettier-ignore

test("the document arrives as a snapshot and its end", async () => {
  const run = await ask([[answer()]]);
  const events = [];
  for await (const event of run) events.push(event);
  expect(events.map(({ event }) => event)).toEqual(["connecting", "snapshot", "done"]);
  expect([run.text, run.status, run.chatId, run.runId, run.lastEventId]).toEqual(["Hello world", "completed", CHAT, RUN, `${RUN}.1.4`]);
  expect(service!.asked[0]?.data).toMatchObject({ prompt: "Hello?", stream: false });
});

test("white space before the document keeps the connection, and its lack ends it", async () => {
  let more = (): void => {};
  const blank: Step = (wire) => wire.raw(" ");
  const waiting: Step = () => new Promise<void>((resolve) => (more = resolve));
  const run = await ask([[blank, waiting, blank, waiting, blank, silence], [answer()]]);
  const own = timing;
  for (const pass of [30_000, 30_000, 40_000]) {
    await new Promise((resolve) => setTimeout(resolve, 50)); // the white space is on its way through real sockets
    own.advance(pass);
    more();
  }
  await run.result();
  const keys = service!.asked.map(({ headers }) => headers["idempotency-key"]);
  expect(keys).toHaveLength(2);
  expect(keys[1]).toBe(keys[0]);
});

test("a dropped answer is asked for again with the same key, and attaches", async () => {
  const run = await ask([[(wire: { drop(): void }) => wire.drop()], [answer()]]);
  expect(await run.result()).toBe("Hello world");
  expect(new Set(service!.asked.map(({ headers }) => headers["idempotency-key"])).size).toBe(1);
});

test("a run that failed rejects with its own error", async () => {
  const run = await ask([[answer({ status: "failed", text: "I was", error: "Overloaded.", code: "upstream_overloaded", retryable: true })]]);
  await expect(run.result()).rejects.toMatchObject({ name: "UpstreamFailed", code: "upstream_overloaded", retryable: true, message: "Overloaded." });
  expect(run.text).toBe("I was");
});

test("pending client tools are answered and the answer is asked for again", async () => {
  const tool_calls = [{ tool_call_id: "call_1", name: "read_editor", input: {}, deadline: timing.now() + 60_000 }];
  const tools = [{ name: "read_editor", description: "", input_schema: {}, run: () => "REPORT z." }];
  const run = await ask([[answer({ status: "waiting", text: "", tool_calls, approvals: [] })], [answer()]], { tools });
  const ticking = setInterval(() => timing.advance(500), 5);
  expect(await run.result()).toBe("Hello world");
  clearInterval(ticking);
  expect(service!.asked.map(({ what }) => what)).toEqual(["chat", "tool_results", "chat"]);
});

test("a page of some proxy is not taken for an answer", async () => {
  const run = await ask([[{ status: 403, problem: {}, headers: { "Content-Type": "text/html" } }]]);
  await expect(run.result()).rejects.toMatchObject({ code: "http_403", retryable: false });
});

test("a refusal that passes is waited out", async () => {
  const run = await ask([[refuse(429, "rate_limited", true, {}, { "Retry-After": "2" })], [answer()]]);
  run.on("reconnecting", ({ delay_ms }) => {
    expect(delay_ms).toBe(2000);
    setImmediate(() => timing.advance(delay_ms));
  });
  await run.result();
});
