import { describe, expect, test } from "vitest";
import type { OricodeEvent } from "../src/events.js";
import type { SnapshotData } from "../src/generated/events.js";
import { NEW_VIEW, reduceView, viewOf, type RunView } from "../src/view.js";
import { readAll, type GoldenRun } from "./golden.js";
import { connected, content, done, event, messageStart } from "./scripted_service.js";

const runs = new Map(readAll<GoldenRun>("runs").map((run) => [run.name, run]));

function views(events: unknown[]): RunView[] {
  let view = NEW_VIEW;
  return (events as OricodeEvent[]).map((event) => (view = reduceView(view, event)));
}

/** The labels in order, each once. */
function labels(events: unknown[]): string[] {
  return views(events).map((view) => view.label).filter((label, at, all) => label !== all[at - 1]);
}

const connecting = { event: "connecting", data: { transport: "sse", attempt: 1 } };
const reconnecting = { event: "reconnecting", data: { attempt: 1, delay_ms: 0, reason: "Nothing was heard for 35 s." } };

function storing(seq: number, chunk: number): unknown[] {
  const tool_call_id = `call_${chunk}`;
  const progress = { type: "chunking", message: `Storing chunk ${chunk}/8...`, progress: chunk * 12.5, tool_call_id };
  return [
    event(seq, "tool_call", { tool_call_id, name: "mcp_store_code_chunk", input: {}, runs: "server" }),
    event(seq + 1, "progress", progress),
    event(seq + 2, "progress", { type: "chunking", message: "Writing", tool_call_id, current: 1, total: 2 }),
    event(seq + 3, "progress", progress),
    event(seq + 4, "tool_result", { tool_call_id, name: "mcp_store_code_chunk", status: "ok", summary: "Stored" }),
  ];
}

describe("the label", () => {
  test("tells the story of a short answer", () => {
    expect(labels([connecting, connected(), messageStart(1), content(2, "Hi"), done(3)])).toEqual([
      "Connecting...",
      "Connected to Oricode AI",
      "Thinking...",
      "Answering...",
      "✓ Complete",
    ]);
  });

  test("keeps the last progress message while the model prepares the next step", () => {
    const events = [connected(), ...storing(1, 1), messageStart(6), content(7, "Next one."), ...storing(8, 2)];
    expect(labels(events)).toEqual([
      "Connected to Oricode AI",
      "Running: store code chunk...",
      "Storing chunk 1/8...",
      "Storing chunk 2/8...",
    ]);
  });

  test("gives way to the answer once the work is through", () => {
    const last = views([connected(), ...storing(1, 8), messageStart(6), content(7, "All stored.")]).at(-1);
    expect(last?.label).toBe("Answering...");
    expect(last?.percent).toBe(100);
  });

  test("says that it reconnects, why, and then goes on as before", () => {
    const seen = views([connected(), messageStart(1), content(2, "Half"), reconnecting, connecting, connected("replay"), content(3, " whole")]);
    expect(seen.map((view) => view.label).slice(3)).toEqual(["Reconnecting...", "Reconnecting...", "Answering...", "Answering..."]);
    expect(seen[4]?.trouble).toBe("Nothing was heard for 35 s.");
    expect(seen[5]?.trouble).toBe("");
  });

  test("asks for the approval that is awaited, also when it is learnt from a snapshot", () => {
    const golden = runs.get("approval and client tool")!;
    expect(views(golden.events)[4]?.label).toBe("Waiting for your approval");
    const data = { run_id: golden.run, ...golden.states[4] } as unknown as SnapshotData;
    expect(views([{ event: "snapshot", data }])[0]?.label).toBe("Waiting for your approval");
  });

  test("is the sentence of the error when the run failed", () => {
    const last = views(runs.get("failed upstream")!.events).at(-1);
    expect(last).toMatchObject({ label: "The model is overloaded; try again in a while.", busy: false, link: "ended" });
  });

  test("says that a run was stopped", () => {
    expect(views(runs.get("cancelled in mid-sentence")!.events).at(-1)?.label).toBe("Stopped");
  });

  test("says that it waits for its turn, then that it continues after a restart", () => {
    expect(labels(runs.get("killed and recovered")!.events)).toEqual([
      "Waiting for 2 earlier answers...",
      "Waiting for the earlier answer...",
      "Thinking...",
      "Answering...",
      "Continuing after a restart...",
      "Thinking...",
      "Answering...",
      "✓ Complete",
    ]);
  });
});

test("a step inside a tool is the activity, not the label", () => {
  expect(views(storing(1, 3))[2]).toMatchObject({ label: "Storing chunk 3/8...", activity: "Writing" });
});

describe("the percentage", () => {
  test("moves with the chunks, not with the steps inside one", () => {
    const seen = views([1, 2, 3].flatMap((chunk) => storing(chunk * 10, chunk))).map((view) => view.percent);
    expect([...new Set(seen)]).toEqual([null, 12.5, 25, 37.5]);
    expect(seen.at(-1)).toBe(37.5);
  });

  test("is known after a snapshot whose last progress was a step", () => {
    const before = views(storing(1, 3).slice(0, 3)).at(-1)!;
    const steps = { ...before.run, progress: { type: "chunking", message: "Writing", current: 1, total: 2 } };
    const calls = [{ ...before.run.tool_calls[0]!, progress: { type: "chunking", message: "Storing chunk 3/8...", progress: 37.5 } }];
    const data = { run_id: "r", ...steps, tool_calls: calls } as unknown as SnapshotData;
    expect(views([{ event: "snapshot", data }])[0]?.percent).toBe(37.5);
  });
});

test("a state that was kept shows as it was", () => {
  const golden = runs.get("chunk stored")!;
  const kept = views(golden.events).at(-1)!;
  expect(viewOf(kept.run)).toMatchObject({ label: "✓ Complete", busy: false, link: "ended" });
  expect(viewOf({ ...kept.run, status: "running" })).toMatchObject({ busy: true, link: "live" });
});

test("a tool's live code is in the state while the model writes it", () => {
  const seen = views(runs.get("chunk stored")!.events);
  expect(seen[3]?.run.tool_calls[0]).toMatchObject({ state: "writing", partial_json: '{"chunk_index":2,' });
  expect(seen[3]?.activity).toBe("Preparing: store code chunk...");
});
