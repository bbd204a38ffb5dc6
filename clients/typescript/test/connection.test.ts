/** What only one kind of connection can show, and the plain requests. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import WebSocket from "ws";
import { OricodeClient } from "../src/client.js";
import type { WebSocketClass, WebSocketLike } from "../src/transports/socket.js";
import { OwnedTiming } from "./owned_timing.js";
import { RUN, ScriptedService, connected, content, done, messageStart, refuse } from "./scripted_service.js";

let timing: OwnedTiming;
let service: ScriptedService | undefined;

beforeEach(() => {
  timing = new OwnedTiming();
});
afterEach(async () => {
  await service?.close();
  service = undefined;
});

/** As a browser's WebSocket that a content security policy blocks: nothing ever happens. */
class BlockedWebSocket implements WebSocketLike {
  onopen = null;
  onmessage = null;
  onclose = null;
  onerror = null;
  send(): void {
    throw new Error("not open");
  }
  close(): void {}
}

test("a WebSocket that never opens counts as lost after the time to connect", async () => {
  const client = new OricodeClient("http://service.invalid", "k", { transport: "websocket", timing, WebSocket: BlockedWebSocket });
  const run = client.chat("Hello?");
  const reasons: string[] = [];
  run.on("reconnecting", ({ reason }) => {
    reasons.push(reason);
    run.close();
  });
  run.on("connecting", () => setImmediate(() => timing.advance(25_000)));
  await expect(run.result()).rejects.toMatchObject({ code: "closed" });
  expect(reasons).toEqual(["No answer within 21 s."]);
});

test("a platform without WebSocket is told so", () => {
  const { WebSocket: own } = globalThis as { WebSocket?: unknown };
  Reflect.deleteProperty(globalThis, "WebSocket");
  expect(() => new OricodeClient("http://service.invalid", "k", { transport: "websocket" })).toThrow("no WebSocket");
  if (own) Object.assign(globalThis, { WebSocket: own });
});

test("each WebSocket gets a ticket of its own, and no key", async () => {
  service = await ScriptedService.start([[connected(), messageStart(1), (wire) => wire.drop()], [connected("live"), done(2)]]);
  let tickets = 0;
  const ticket = async () => `t${++tickets}`;
  const options = { transport: "websocket" as const, timing, ticket, WebSocket: WebSocket as unknown as WebSocketClass };
  await new OricodeClient(service.url, "unused", options).chat("Hello?").result();
  expect(service.asked.map(({ headers }) => headers["sec-websocket-protocol"])).toEqual(["oricode.v1,oricode.ticket.t1", "oricode.v1,oricode.ticket.t2"]);
});

test("a browser that cannot keep up closes its WebSocket and goes on later, without a gap", async () => {
  const count = 12_000;
  const pieces = Array.from({ length: count }, (_, i) => content(i + 2, "."));
  service = await ScriptedService.start([[connected(), messageStart(1), ...pieces, done(count + 2)]]);
  const run = new OricodeClient(service.url, "k", { transport: "websocket", timing, WebSocket: WebSocket as unknown as WebSocketClass }).chat("Hello?");
  const reasons: string[] = [];
  const loop = run[Symbol.asyncIterator]();
  run.on("reconnecting", ({ reason }) => reasons.push(reason));
  const taken = (await loop.next()).value;
  await service.until(() => service!.asked.length === 1 && service!.openConnections === 0); // nobody took more than the first event
  expect(taken).toMatchObject({ event: "connecting" });
  let seen = 0;
  for (;;) {
    const { value, done: over } = await loop.next();
    if (over || reasons.length) break;
    if (value?.event === "content") seen += 1;
  }
  expect(reasons).toEqual(["The answer came faster than it was read."]);
  expect(run.text.length).toBeGreaterThanOrEqual(seen);
  expect(run.lastEventId).toBe(`${RUN}.1.${run.text.length + 1}`); // it would go on behind exactly what was taken
  run.close();
});

test("a plain request that is not answered in time is given up", async () => {
  const silent = createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const client = new OricodeClient(`http://127.0.0.1:${(silent.address() as AddressInfo).port}`, "k", { timing });
  const asking = client.chats();
  setImmediate(() => timing.advance(16_000));
  await expect(asking).rejects.toMatchObject({ code: "timed_out", retryable: true });
  silent.closeAllConnections();
  silent.close();
});

test("plain requests say who asks, and what is refused is an error with its code", async () => {
  service = await ScriptedService.start([]);
  service.answers["/api/chats"] = [{ chats: [] }, refuse(401, "unauthorized", false) as never];
  const client = new OricodeClient(`${service.url}/`, async () => "sk-late");
  expect(await client.chats({ limit: 5 })).toEqual({ chats: [] });
  expect(service.asked[0]).toMatchObject({ url: "/api/chats?limit=5", headers: { "x-api-key": "sk-late" } });
  await expect(client.chats()).rejects.toMatchObject({ code: "unauthorized", status: 401 });
});

test("an address where nobody listens is a lost connection with the platform's reason", async () => {
  await expect(new OricodeClient("http://127.0.0.1:1", "k").models()).rejects.toMatchObject({ name: "ConnectionLost", message: expect.stringMatching(/^The service cannot be reached \(.*ECONNREFUSED.*\)\.$|bad port/) as string });
});
