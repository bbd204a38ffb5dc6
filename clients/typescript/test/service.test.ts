/** Against the service itself, every transport: a chunked deployment, a kill in mid-run, tools, history, refusals. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import WebSocket from "ws";
import { OricodeClient, type ClientOptions } from "../src/client.js";
import type { WebSocketClass } from "../src/transports/socket.js";
import { INSTALLED, RealService } from "./real_service.js";

const CHUNKS = 4;
const WORDS = "one two three four five six seven eight nine ten eleven twelve ".repeat(8).trim();
const store = (index: number) => `
  - - say: "Part ${index + 1}. "
    - call: mcp_store_code_chunk
      input: {program: ZTEST, chunk_index: ${index}, total_chunks: ${CHUNKS}, code: "WRITE / '${index}'.\\n"}`;
const SCRIPT = `about: test
rate: 2000
piece: 6
scenes:
  - - call: read_editor
      input: {path: a.abap}${Array.from({ length: CHUNKS }, (_, index) => store(index)).join("")}
  - - say: "${WORDS}"
`;
const tools = [{ name: "read_editor", description: "Reads.", input_schema: { type: "object" }, run: () => "REPORT ztest." }];
const ANSWER = Array.from({ length: CHUNKS }, (_, index) => `Part ${index + 1}. `).join("") + WORDS;

describe.skipIf(!INSTALLED)("the service", { timeout: 60_000 }, () => {
  let service: RealService;
  beforeAll(async () => {
    service = await RealService.start(SCRIPT);
  }, 90_000);
  afterAll(() => service?.stop());

  const client = (transport: "sse" | "websocket" | "json", more: ClientOptions = {}) =>
    new OricodeClient(service.url, service.key, { transport, clientType: "test", WebSocket: WebSocket as unknown as WebSocketClass, ...more });

  test.each(["sse", "websocket", "json"] as const)("a chunked deployment with a client tool comes through over %s", async (transport) => {
    const run = client(transport).chat("Go.", { tools });
    const percents: number[] = [];
    run.on("progress", ({ progress }) => progress !== undefined && percents.push(progress));
    expect(await run.result()).toBe(ANSWER);
    if (transport !== "json") expect(percents).toEqual([25, 50, 75, 100]);
    expect(run.usage).toHaveProperty("output_tokens");
    expect(run.state.tool_calls.filter((call) => call.status === "ok").length).toBe(transport === "json" ? 0 : CHUNKS + 1);
  });

  test.each(["sse", "websocket"] as const)("a kill -9 in mid-run is survived over %s, with every character once", async (transport) => {
    const run = client(transport).chat("Go.", { tools });
    let reconnects = 0;
    let killed: Promise<void> | undefined;
    run.on("reconnecting", () => (reconnects += 1));
    run.on("progress", ({ progress }) => {
      if (progress === 50) killed ??= service.kill().then(() => service.run());
    });
    expect(await run.result()).toBe(ANSWER);
    expect(reconnects).toBeGreaterThan(0);
    await killed;
  });

  test("another window follows the same run from a snapshot, and both end with the same state", async () => {
    const first = client("sse").chat("Go.", { tools });
    await new Promise<void>((resolve) => first.on("progress", () => resolve()));
    const second = client("websocket").attach(first.runId!, { from: "snapshot" });
    expect(await second.result()).toBe(await first.result());
    expect(second.state).toEqual(first.state);
  });

  test("a stopped run ends as cancelled", async () => {
    const run = client("websocket").chat("Go.", { tools });
    run.on("progress", () => void run.cancel());
    await expect(run.result()).rejects.toMatchObject({ code: "cancelled" });
    expect(run.status).toBe("cancelled");
  });

  test("chats, their messages and a run's document can be asked for", async () => {
    const run = client("sse").chat("Remember this.", { tools });
    await run.result();
    const { chats } = (await client("sse").chats()) as { chats: { chat_id: string }[] };
    expect(chats.map((chat) => chat.chat_id)).toContain(run.chatId);
    const { messages } = (await client("sse").messages(run.chatId!)) as { messages: { role: string }[] };
    expect(messages[0]).toMatchObject({ role: "user" });
    expect(await client("sse").run(run.runId!)).toMatchObject({ status: "completed", text: ANSWER });
    await run.feedback("up");
    await client("sse").deleteChat(run.chatId!);
    await expect(client("sse").messages(run.chatId!)).rejects.toMatchObject({ code: "not_found" });
  });

  test.each(["sse", "websocket", "json"] as const)("a wrong key is refused at once over %s", async (transport) => {
    const wrong = new OricodeClient(service.url, "ok_wrong", { transport, WebSocket: WebSocket as unknown as WebSocketClass });
    await expect(wrong.chat("Go.").result()).rejects.toMatchObject({ name: "RequestRefused", code: "unauthorized" });
  });

  test("a ticket opens a WebSocket without the key", async () => {
    const run = client("websocket", { ticket: () => client("sse").ticket() }).chat("Go.", { tools });
    expect(await run.result()).toBe(ANSWER);
  });
});
