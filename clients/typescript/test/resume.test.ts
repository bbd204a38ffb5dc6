/** How a run survives its connections, once per streaming transport. Pins PROTOCOL.md sections 4 and 9. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import WebSocket from "ws";
import { OricodeClient, type ClientOptions } from "../src/client.js";
import type { OricodeEvent } from "../src/events.js";
import type { ChatRun } from "../src/run.js";
import type { WebSocketClass } from "../src/transports/socket.js";
import { OwnedTiming } from "./owned_timing.js";
import {
  ENDED, RUN, ScriptedService, connected, content, done, drop, end, event, heartbeat, messageStart, refuse, silence, type Step,
} from "./scripted_service.js"; // prettier-ignore

let timing: OwnedTiming;
let service: ScriptedService | undefined;

beforeEach(() => {
  timing = new OwnedTiming();
});
afterEach(async () => {
  await service?.close();
  service = undefined;
});

async function collect(run: ChatRun, on: (event: OricodeEvent) => void = () => {}): Promise<OricodeEvent[]> {
  const events: OricodeEvent[] = [];
  for await (const event of run) {
    events.push(event);
    on(event);
  }
  return events;
}

const names = (events: OricodeEvent[]) => events.map((event) => event.event);
const waits = (events: OricodeEvent[]) => events.flatMap((event) => (event.event === "reconnecting" ? [event.data.delay_ms] : []));

describe.each(["sse", "websocket"] as const)("over %s", (transport) => {
  const ask = async (scripts: Step[][], options: ClientOptions = {}) => {
    service = await ScriptedService.start(scripts);
    const client = new OricodeClient(service.url, "sk-test", { transport, timing, WebSocket: WebSocket as unknown as WebSocketClass, ...options });
    return client.chat("Hello?");
  };
  /** Where the n-th reading began: the cursor, or what else it said. */
  const cursor = (n: number) => service!.asked[n]?.data["after"];

  test("a run is read to its end, each event once", async () => {
    const run = await ask([[connected(), messageStart(1), content(2, "Hello"), content(3, " world"), done(4)]]);
    expect(names(await collect(run))).toEqual(["connecting", "connected", "message_start", "content", "content", "done"]);
    expect([run.text, run.status, run.runId, run.lastEventId]).toEqual(["Hello world", "completed", RUN, `${RUN}.1.4`]);
    expect(run.usage).toEqual({ output_tokens: 2 });
    expect(timing.waiting).toBe(0);
  });

  test("the key travels in a header or subprotocol, never in a URL", async () => {
    await collect(await ask([[connected(), messageStart(1), drop], [connected("live"), done(2)]]));
    for (const { url, headers } of service!.asked) {
      expect(url).not.toContain("sk-test");
      expect([headers["x-api-key"], headers["sec-websocket-protocol"]]).toContain(transport === "sse" ? "sk-test" : "oricode.v1,oricode.key.c2stdGVzdA");
    }
  });

  test("two drops in mid-run are resumed behind the last event, and nothing is lost or doubled", async () => {
    const run = await ask([
      [connected(), messageStart(1), content(2, "One, "), drop],
      [connected("replay"), content(3, "two, "), drop],
      [connected("replay"), content(4, "three."), done(5)],
    ]);
    const events = await collect(run);
    expect(run.text).toBe("One, two, three.");
    expect(names(events).filter((name) => name === "reconnecting")).toHaveLength(2);
    expect([cursor(1), cursor(2)]).toEqual([`${RUN}.1.2`, `${RUN}.1.3`]);
  });

  // How many events each connection shows before it drops; null: it drops without an answer. The last one shows the rest.
  // Twins: `test_resume.py`, `ChatRunContract.java`. Others' clients forget the cursor at the second drop, or get events again.
  test.each<[string, (number | null)[]]>([
    ["drop, resume, drop before the first event, resume", [2, 0, 2]],
    ["two empty resumes", [2, 0, 0, 1]],
    ["three empty resumes behind nothing", [0, 0, 0, 0]],
    ["an event at a time, with an empty resume behind each", [1, 0, 1, 0, 1, 0]],
    ["not even connected, twice", [3, null, null, 1]],
    ["not even connected before the first event", [0, null, 0, null]],
  ])("the cursor survives resumes that brought nothing: %s", async (_, shown) => {
    const story = [messageStart(1), content(2, "One, "), content(3, "two, "), content(4, "three, "), content(5, "four."), done(6)];
    let at = 0;
    const cursors: (string | undefined)[] = [];
    const scripts = shown.map((count, nth): Step[] => {
      const events = story.slice(at, (at += count ?? 0));
      cursors.push(at ? `${RUN}.1.${at}` : undefined);
      return [...(count === null ? [] : [connected(nth ? "replay" : "new")]), ...events, drop];
    });
    const run = await ask([...scripts, [connected("replay"), ...story.slice(at)]]);
    const events = await collect(run);
    expect(run.text).toBe("One, two, three, four.");
    expect(names(events).filter((name) => !["connecting", "connected", "reconnecting"].includes(name))).toEqual(story.map(({ event }) => event));
    expect(cursors.map((_, n) => cursor(n + 1))).toEqual(cursors);
    expect(service!.asked.filter(({ what }) => what === "chat")).toHaveLength(1);
  });

  test("half an event before the drop is not shown, and comes whole after it", async () => {
    const half: Step = (wire) => wire.raw(`id: ${RUN}.1.3\nevent: content\ndata: {"text":"wor`);
    const run = await ask([
      [connected(), messageStart(1), content(2, "Hello "), half, drop],
      [connected("replay"), content(3, "world"), done(4)],
    ]);
    await collect(run);
    expect(run.text).toBe("Hello world");
    expect(cursor(1)).toBe(`${RUN}.1.2`);
  });

  test("a start that was dropped before any event is sent again with the same idempotency key", async () => {
    const run = await ask([[drop], [connected(), messageStart(1), done(2)]]);
    await collect(run);
    const keys = service!.asked.map(({ headers, data }) => headers["idempotency-key"] ?? data["idempotency_key"]);
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(keys[1]).toBe(keys[0]);
    expect(service!.asked.map((asked) => asked.what)).toEqual(["chat", "chat"]);
    expect(run.status).toBe("completed");
  });

  test("a run that was dropped before its first event is read from the beginning", async () => {
    const run = await ask([[connected(), drop], [connected("new"), messageStart(1), content(2, "Hi"), done(3)]]);
    await collect(run);
    expect(run.text).toBe("Hi");
    expect(service!.asked[1]?.what).toBe(transport === "sse" ? "events" : "attach");
    expect(cursor(1)).toBeUndefined();
  });

  test("the end of a stream without done means resume", async () => {
    const run = await ask([[connected(), messageStart(1), end], [connected("live"), done(2)]]);
    expect(names(await collect(run))).toContain("reconnecting");
    expect(run.status).toBe("completed");
  });

  test("silence beyond two heartbeats and five seconds is a dead connection", async () => {
    const run = await ask([[connected(), messageStart(1), silence], [connected("live"), done(2)]]);
    const events = await collect(run, (event) => {
      if (event.event === "message_start") setImmediate(() => timing.advance(37_000));
    });
    expect(events.find((event) => event.event === "reconnecting")?.data).toMatchObject({ reason: "Nothing was heard for 36 s." });
  });

  test("heartbeats keep a quiet connection", async () => {
    let beat = (): void => {};
    const own = timing;
    const beats = [1, 2, 3].flatMap((): Step[] => [() => new Promise((resolve) => (beat = resolve)), heartbeat]);
    const run = await ask([[connected(), messageStart(1), ...beats, done(2)]]);
    const events = await collect(run, (event) => {
      if (event.event === "message_start" || event.event === "heartbeat") {
        setImmediate(() => {
          own.advance(30_000);
          beat();
        });
      }
    });
    expect(names(events)).not.toContain("reconnecting");
    expect(names(events).filter((name) => name === "heartbeat")).toHaveLength(3);
  });

  test("after a laptop's sleep the connection is checked at once, and what waits in it is read first", async () => {
    let wake = (): void => {};
    const run = await ask([[connected(), messageStart(1), () => new Promise<void>((resolve) => (wake = resolve)), content(2, "still here"), done(3)]]);
    const events = await collect(run, (event) => {
      if (event.event !== "message_start") return;
      setImmediate(() => {
        timing.sleep(3_600_000);
        timing.wake();
        wake();
      });
    });
    expect(names(events)).not.toContain("reconnecting");
    expect(run.text).toBe("still here");
  });

  test("after a laptop's sleep a dead connection is given up within two seconds", async () => {
    const run = await ask([[connected(), messageStart(1), silence], [connected("live"), done(2)]]);
    const events = await collect(run, (event) => {
      if (event.event !== "message_start") return;
      setImmediate(() => {
        timing.sleep(3_600_000);
        timing.advance(2_000);
      });
    });
    expect(names(events)).toContain("reconnecting");
  });

  test("a planned close waits as long as it was asked to, and is no end", async () => {
    const run = await ask([
      [connected(), messageStart(1), { event: "reconnect", data: { after_ms: 700, reason: "The service restarts." } }, end],
      [connected("live"), done(2)],
    ]);
    const events = await collect(run, (event) => {
      if (event.event === "reconnecting") setImmediate(() => timing.advance(event.data.delay_ms));
    });
    expect(waits(events)).toEqual([700]);
    expect(events.find((event) => event.event === "reconnecting")?.data).toMatchObject({ reason: "The service restarts." });
    expect(run.status).toBe("completed");
  });

  test("waits grow with every failure, are random below their limit, and start over after an event", async () => {
    timing.chance = 0.5;
    const run = await ask([[connected(), drop], [drop], [drop], [connected("new"), messageStart(1), drop], [connected("live"), done(2)]]);
    const events = await collect(run, (event) => {
      if (event.event === "reconnecting") setImmediate(() => timing.advance(event.data.delay_ms));
    });
    expect(waits(events)).toEqual([250, 500, 1000, 250]);
  });

  test("a gap replaces what was shown by the snapshot", async () => {
    const state = { run_id: RUN, status: "running", text: "Anew", tool_calls: [], approvals: [] };
    const message = { message_id: "msg_1", turn: 1, attempt: 2, model: "demo", complete: false, blocks: [{ index: 0, type: "text", text: "Anew" }] };
    const run = await ask([
      [connected(), messageStart(1), content(2, "Lost in a power cut"), drop],
      [connected("gap"), event(1, "snapshot", { ...state, messages: [message] }), content(2, ", complete."), done(3)],
    ]);
    await collect(run);
    expect(run.text).toBe("Anew, complete.");
  });

  test("events and fields of a later version are skipped", async () => {
    const run = await ask([[connected(), messageStart(1), event(2, "hologram", { beam: 1 }), { ...content(3, "Hi"), extra: 1 } as Step, done(4)]]);
    expect(names(await collect(run))).not.toContain("hologram");
    expect(run.text).toBe("Hi");
  });

  test("a cursor at the end of the run ends the reading", async () => {
    service = await ScriptedService.start([ENDED]);
    const client = new OricodeClient(service.url, "sk-test", { transport, timing, WebSocket: WebSocket as unknown as WebSocketClass });
    const run = client.attach(RUN, { after: `${RUN}.1.9` });
    expect(names(await collect(run))).toEqual(["connecting"]);
    expect(timing.waiting).toBe(0);
  });

  test.each([
    ["unauthorized", 401],
    ["empty_prompt", 400],
    ["idempotency_mismatch", 409],
  ])("a refusal that cannot get better ends the run: %s", async (code, status) => {
    const run = await ask([[refuse(status, code, false)]]);
    await expect(collect(run)).rejects.toMatchObject({ name: "RequestRefused", code, blame: "client", message: `Refused: ${code}.` });
    await expect(run.result()).rejects.toMatchObject({ code });
  });

  test("a busy chat is reported, not waited for", async () => {
    const run = await ask([[refuse(409, "chat_busy", true)]]);
    await expect(run.result()).rejects.toMatchObject({ code: "chat_busy" });
  });

  test("a refusal that passes is waited out for as long as the service asks", async () => {
    const run = await ask([[refuse(503, "unavailable", true, { retry_after_ms: 4000 })], [connected(), messageStart(1), done(2)]]);
    const events = await collect(run, (event) => {
      if (event.event === "reconnecting") setImmediate(() => timing.advance(event.data.delay_ms));
    });
    expect(waits(events)).toEqual([4000]);
  });

  test("a start that never gets through is given up after its patience", async () => {
    timing.chance = 0.99;
    const run = await ask(Array.from({ length: 20 }, () => [drop]), { startPatienceMs: 10_000 });
    run.on("reconnecting", ({ delay_ms }) => setImmediate(() => timing.advance(delay_ms)));
    await expect(run.result()).rejects.toMatchObject({ name: "ConnectionLost", blame: "network", retryable: true });
    expect(service!.asked.length).toBeGreaterThan(3);
  });

  test("coming online or being shown again ends the waiting", async () => {
    timing.chance = 0.99;
    const run = await ask([[connected(), messageStart(1), drop], [connected("live"), done(2)]]);
    run.on("reconnecting", () => setImmediate(() => timing.wake()));
    await run.result();
    expect(service!.asked).toHaveLength(2);
  });

  test("a loop that is slower than the service holds the reading back and still gets every event", async () => {
    const count = 3000;
    const pieces = Array.from({ length: count }, (_, i) => content(i + 2, `${i} `));
    const rest = [connected("replay"), ...pieces, done(count + 2)];
    const run = await ask([[connected(), messageStart(1), ...pieces, done(count + 2)], rest]);
    let seen = 0;
    for await (const event of run) {
      if (event.event !== "content") continue;
      if (seen++ % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(seen).toBe(count);
    expect(run.text).toBe(Array.from({ length: count }, (_, i) => `${i} `).join(""));
  });
});
