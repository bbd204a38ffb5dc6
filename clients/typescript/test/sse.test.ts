import { describe, expect, test } from "vitest";
import { Decoder } from "../src/sse.js";
import { readAll, read, type GoldenSse } from "./golden.js";

function decode(bytes: Uint8Array, size: number): [ReturnType<Decoder["feed"]>, Decoder] {
  const decoder = new Decoder();
  const events = [];
  for (let at = 0; at < bytes.length; at += size) events.push(...decoder.feed(bytes.subarray(at, at + size)));
  return [events, decoder];
}

const cases = readAll<GoldenSse>("sse");

test("there are golden parses", () => expect(cases.length).toBeGreaterThan(25));

describe.each(cases)("$name", ({ input_base64, events, last_event_id, retry_ms }) => {
  const bytes = Uint8Array.from(Buffer.from(input_base64, "base64"));

  test.each([1, 2, 3, 7, 1_000_000])("decodes as the standard says, in chunks of %i", (size) => {
    const [decoded, decoder] = decode(bytes, size);
    expect(decoded).toEqual(events);
    expect(decoder.lastEventId).toBe(last_event_id);
    expect(decoder.retryMs).toBe(retry_ms);
  });
});

describe.each(read<{ name: string; text: string; sse: string }[]>("texts.json"))("the text: $name", ({ text, sse }) => {
  test.each([1, 5, 1_000_000])("comes through, in chunks of %i", (size) => {
    const [decoded] = decode(new TextEncoder().encode(sse), size);
    expect(decoded.map(({ data }) => (JSON.parse(data) as { text: string }).text)).toEqual([text]);
  });
});

test.each([1, 1024])("a line of a mebibyte in chunks of %i costs no quadratic time", (size) => {
  // A decoder that looks again at what it has seen would take minutes for single bytes; tests have 20 seconds.
  const text = "x".repeat(1024 * 1024);
  const [decoded] = decode(new TextEncoder().encode(`data: ${text}\n\n`), size);
  expect(decoded.map(({ data }) => data === text)).toEqual([true]);
});

test.each([
  ["9".repeat(100_000), 86_400_000],
  [`${"0".repeat(100_000)}7`, 7],
])("a reconnection time of any length is a number", (digits, ms) => {
  expect(decode(new TextEncoder().encode(`retry: ${digits}\n`), 1_000)[1].retryMs).toBe(ms);
});

test("a character split over two events is whole again when both are joined", () => {
  const { datas, joined } = read<{ datas: string[]; joined: string }>("surrogates.json");
  expect(datas.map((data) => (JSON.parse(data) as { text: string }).text).join("")).toBe(joined);
});
