import { describe, expect, test } from "vitest";
import type { OricodeEvent, ServerEvent } from "../src/events.js";
import { fold, foldEvent } from "../src/fold.js";
import { parseFrame } from "../src/frames.js";
import type { SnapshotData } from "../src/generated/events.js";
import { Decoder } from "../src/sse.js";
import { EMPTY_STATE } from "../src/state.js";
import { readAll, type GoldenRun } from "./golden.js";

const runs = readAll<GoldenRun>("runs");

test("there are golden runs", () => expect(runs.length).toBeGreaterThan(6));

describe.each(runs)("$name", ({ run, events, sse, frames, text, state, states }) => {
  const typed = events as unknown as ServerEvent[];

  test("folds to the recorded state after every event", () => {
    let folded = EMPTY_STATE;
    const seen = typed.map((event) => (folded = foldEvent(folded, event)));
    expect(seen).toEqual(states);
    expect(folded).toEqual(state);
    expect(folded.text).toBe(text);
  });

  test("folds to the same from a snapshot taken anywhere and the tail", () => {
    states.forEach((before, at) => {
      const snapshot = { event: "snapshot", data: { run_id: run, ...before } } as unknown as { event: "snapshot"; data: SnapshotData };
      expect(fold([snapshot, ...typed.slice(at + 1)])).toEqual({ run_id: run, ...state });
    });
  });

  test("reads the same from SSE bytes and from WebSocket frames", () => {
    const decoded = new Decoder().feed(new TextEncoder().encode(sse));
    expect(decoded.map(({ id, event, data }) => ({ id, event, data: JSON.parse(data) as unknown }))).toEqual(events);
    expect(frames.map(parseFrame)).toEqual(events.map((event) => ({ ...event, run })));
  });

  test("leaves earlier states as they were", () => {
    const copies: string[] = [];
    const kept = typed.map((_event, at) => {
      const folded = fold(typed.slice(0, at + 1));
      copies.push(JSON.stringify(folded));
      foldEvent(folded, typed[at + 1] ?? typed[at]!);
      return folded;
    });
    expect(kept.map((folded) => JSON.stringify(folded))).toEqual(copies);
  });
});

test("text that arrives when no message is open is ignored", () => {
  const stray: OricodeEvent = { event: "content", data: { text: "stray", index: 0 } };
  expect(fold([stray])).toEqual(EMPTY_STATE);
});
