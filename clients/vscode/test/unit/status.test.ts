import { NEW_VIEW, reduceView, type OricodeEvent } from "@oricode/client";
import { expect, test } from "vitest";
import { statusOf } from "../../src/host/status.js";
import type { Exchange } from "../../src/shared/messages.js";

const connected = { event: "connected", data: { message: "Connected to Oricode AI", protocol: 1 } };
const progress = (percent?: number, message = "Storing chunk 3/8...") => ({ event: "progress", data: { type: "chunking", message, ...(percent === undefined ? {} : { progress: percent }) } });
const exchange = (events: unknown[], more: Partial<Exchange> = {}): Exchange => ({
  ...{ id: "e", prompt: "p", context: "", runId: "r", failure: null, rating: null },
  view: (events as OricodeEvent[]).reduce(reduceView, NEW_VIEW),
  ...more,
});

test.each([
  ["before anything was asked", null, "$(comment-discussion) Oricode"],
  ["while a chunk is stored", exchange([connected, progress(37.5)]), "$(loading~spin) Storing chunk 3/8... 37%"],
  ["while the percentage is unknown", exchange([connected, progress()]), "$(loading~spin) Storing chunk 3/8..."],
  ["while reconnecting", exchange([connected, progress(37.5), { event: "reconnecting", data: { attempt: 1, delay_ms: 1, reason: "Lost." } }]), "$(debug-disconnect) Reconnecting..."],
  ["when complete", exchange([connected, { event: "done", data: { message: "Done", status: "completed" } }]), "$(comment-discussion) ✓ Complete"],
  ["when it failed here", exchange([], { failure: { code: "unauthorized", message: "Sign in first.", retryable: false } }), "$(error) Sign in first."],
])("%s", (_when, given, text) => expect(statusOf(given).text).toBe(text));

test("a lost connection looks like a warning and says why when pointed at", () => {
  const lost = statusOf(exchange([connected, { event: "reconnecting", data: { attempt: 1, delay_ms: 1, reason: "Nothing was heard for 35 s." } }]));
  expect(lost.warning).toBe(true);
  expect(lost.tooltip).toContain("Nothing was heard for 35 s.");
});

test("a label cannot draw icons, break the line or grow without end", () => {
  const { text } = statusOf(exchange([connected, progress(undefined, `$(trash)\nline ${"x".repeat(200)}`)]));
  expect(text).toMatch(/^\$\(loading~spin\) \$ \(trash\) line x+…$/);
  expect(text.length).toBeLessThan(90);
});
