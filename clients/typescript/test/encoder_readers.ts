/**
 * Two parsers behind a pipe, for `make encoder`: ours, and npm's `eventsource-parser`.
 *
 * In: streams on standard input, each as a line `{"chunks": [base64, …]}`. Out: for each a line with what both found,
 * `[[event, data, id], …]`, and whether a reconnection time was among it.
 */
import { createInterface } from "node:readline";
import { createParser } from "eventsource-parser";
import { Decoder } from "../src/sse.js";

type Found = { events: [string, string, string][]; retried: boolean };

function ours(chunks: Uint8Array[]): Found {
  const decoder = new Decoder();
  const events = chunks.flatMap((chunk) => decoder.feed(chunk)).map(({ event, data, id }): Found["events"][0] => [event, data, id]);
  return { events, retried: decoder.retryMs !== null };
}

function theirs(chunks: Uint8Array[]): Found {
  const found: Found = { events: [], retried: false };
  const parser = createParser({
    onEvent: ({ event, data, id }) => found.events.push([event ?? "message", data, id ?? ""]),
    onRetry: () => (found.retried = true),
  });
  const utf8 = new TextDecoder();
  for (const chunk of chunks) parser.feed(utf8.decode(chunk, { stream: true }));
  return found;
}

for await (const line of createInterface({ input: process.stdin })) {
  const { chunks } = JSON.parse(line) as { chunks: string[] };
  const bytes = chunks.map((chunk) => new Uint8Array(Buffer.from(chunk, "base64")));
  process.stdout.write(`${JSON.stringify({ typescript: ours(bytes), "eventsource-parser": theirs(bytes) })}\n`);
}
