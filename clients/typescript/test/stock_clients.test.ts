/**
 * Stock clients from npm against the service itself: they read whole runs, and resume by what the standards give.
 *
 * They are the outside oracles of the wire: none of our code frames, parses or resumes here.
 */
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, test, vi } from "vitest";
import { CuttingRelay } from "./cutting_relay.js";
import { INSTALLED, RealService } from "./real_service.js";
import { READERS, type Seen } from "./stock_readers.js";

const CHUNKS = 4;
const PARTS = Array.from({ length: CHUNKS }, (_, index) => `Part ${index + 1} holds “form ${index + 1}”.\n\n`);
const REPORT = "The program is stored; every line of it came once. ".repeat(6);
const ANSWER = PARTS.join("") + REPORT;
const store = (text: string, index: number) => `
  - - pause: ${index === CHUNKS / 2 ? 1 : 0}
    - say: ${JSON.stringify(text)}
    - call: mcp_store_code_chunk
      input: {program: ZTEST, chunk_index: ${index}, total_chunks: ${CHUNKS}, code: "WRITE / '${index}'.\\n"}`;
/** Rests in the middle, so that there is something left to be interrupted. */
const SCRIPT = `about: test
rate: 2000
piece: 8
scenes:${PARTS.map(store).join("")}
  - - say: ${JSON.stringify(REPORT)}
`;

describe.skipIf(!INSTALLED)("against the service", { timeout: 60_000 }, () => {
  let service: RealService;
  beforeAll(async () => {
    service = await RealService.start(SCRIPT);
  }, 90_000);
  afterAll(() => service?.stop());
  beforeEach(() => {
    // What fetch-event-source wants of a page.
    vi.stubGlobal("window", globalThis);
    vi.stubGlobal("document", { hidden: false, addEventListener() {}, removeEventListener() {} });
  });
  afterEach(() => vi.unstubAllGlobals());

  describe.each(READERS)("$name", ({ read, betweenBlocks }) => {
    /** Asks at `url`; `on` sees each event first. */
    async function ask(url: string, on: (event: Seen) => void = () => {}): Promise<Seen[]> {
      const events: Seen[] = [];
      await read({ url, key: service.key, body: { prompt: "Go.", client_type: "test" } }, (event) => {
        events.push(event);
        on(event);
      });
      return events;
    }

    test("reads a whole run and stops by itself", async () => {
      const events = await ask(service.url);
      await isTheLog(events, service);
      expect(answer(events)).toBe(ANSWER);
      expect(events.flatMap(({ data }) => data["progress"] ?? [])).toEqual([25, 50, 75, 100]);
      expect(events.filter(({ event }) => event === "connected")[0]?.data).toHaveProperty("message");
    });

    test("resumes over cut connections, with every event once", async () => {
      const cuts = [1_500, 5_001].map((bytes) => ({ bytes, betweenBlocks }));
      const relay = await CuttingRelay.start(service.url, cuts);
      const events = await ask(relay.url);
      const { connections } = relay;
      await relay.close();
      await isTheLog(events, service);
      expect(answer(events)).toBe(ANSWER);
      expect(connections).toBeGreaterThanOrEqual(3);
    });

    test("resumes over a service that was killed and started again, with every event once", async () => {
      let restarted: Promise<void> | undefined;
      const events = await ask(service.url, ({ data }) => {
        if (data["progress"] === 50) restarted ??= service.kill().then(() => service.run());
      });
      await restarted;
      await isTheLog(events, service);
      expect(answer(events)).toBe(ANSWER);
      expect(events.filter(({ event }) => event === "recovering").length).toBe(1);
      // A chunk whose result was not stored yet is stored again: that tool may be repeated, and says so twice.
      expect([...new Set(events.flatMap(({ data }) => data["progress"] ?? []))]).toEqual([25, 50, 75, 100]);
    });
  });
});

/** The events with an id are all of the run's, each once and in order: what the service's log holds, read in one go. */
async function isTheLog(events: readonly Seen[], service: RealService): Promise<void> {
  const durable = events.filter(({ id }) => id);
  expect(durable.map(({ id }) => Number(id.split(".").at(-1)))).toEqual(durable.map((_, index) => index + 1));
  expect(durable.map(({ event }) => event).indexOf("done")).toBe(durable.length - 1);
  const run = durable[0]!.id.split(".")[0]!;
  const response = await fetch(`${service.url}/api/runs/${run}/events`, { headers: { "X-API-Key": service.key } });
  const blocks = (await response.text()).split("\n\n").filter((block) => block.startsWith("id: "));
  const log = blocks.map((block) => {
    const [id, event, data, ...more] = block.split("\n").map((line) => line.slice(line.indexOf(": ") + 2));
    expect(more).toEqual([]);
    return { id, event, data: JSON.parse(data!) as unknown };
  });
  expect(durable).toEqual(log);
}

/** What a viewer is left with: texts by message, each message's last attempt. */
function answer(events: readonly Seen[]): string {
  const texts = new Map<string, string>();
  let message = "";
  for (const { event, data } of events) {
    if (event === "message_start") texts.set((message = String(data["message_id"])), "");
    if (event === "content") texts.set(message, texts.get(message)! + String(data["text"]));
  }
  return [...texts.values()].join("");
}
