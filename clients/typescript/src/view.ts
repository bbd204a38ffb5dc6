/**
 * What a person is shown of a run: a pure reducer from events to a label, a percentage and the folded state.
 *
 * Shared by every page and by the VS Code extension, so that all say the same in the same situation.
 */
import type { OricodeEvent } from "./events.js";
import { foldEvent, openMessage } from "./fold.js";
import type { ProgressData } from "./generated/events.js";
import { EMPTY_STATE, type RunState, type ToolCallState } from "./state.js";

export type LinkState = "connecting" | "live" | "reconnecting" | "ended";

export interface RunView {
  readonly run: RunState;
  readonly link: LinkState;
  /** One line for a status bar, never empty. */
  readonly label: string;
  /** What exactly happens now, in a few words; finer than `label`. */
  readonly activity: string;
  /** 0 to 100; null while unknown. Steps inside a tool do not move it. */
  readonly percent: number | null;
  /** True until the run has ended. */
  readonly busy: boolean;
  /** Why the connection was lost; empty while it is there. */
  readonly trouble: string;
  /** The greeting of the service, shown until something happens. */
  readonly greeting: string;
  /** What the tool at work is for, as its last progress said; its steps are `activity`. Empty before the first one. */
  readonly headline: string;
}

export const NEW_VIEW: RunView = derive({
  run: EMPTY_STATE,
  link: "connecting",
  label: "",
  activity: "",
  percent: null,
  busy: true,
  trouble: "",
  greeting: "",
  headline: "",
});

/** The view of a state that is already folded, such as one that was kept or fetched. */
export function viewOf(run: RunState): RunView {
  return derive({ ...NEW_VIEW, run, link: hasEnded(run) ? "ended" : "live", ...knownProgress(run) });
}

/** The view after one more event. */
export function reduceView(view: RunView, event: OricodeEvent): RunView {
  const run = foldEvent(view.run, event);
  switch (event.event) {
    case "connecting":
      return derive({ ...view, run, link: view.link === "reconnecting" ? "reconnecting" : "connecting" });
    case "reconnecting":
      return derive({ ...view, run, link: "reconnecting", trouble: event.data.reason });
    case "connected":
      return derive({ ...view, run, link: "live", trouble: "", greeting: event.data.message });
    case "progress":
      return derive({ ...view, run, link: "live", ...progressed(view, event.data) });
    case "snapshot":
      return derive({ ...view, run, link: hasEnded(run) ? "ended" : "live", trouble: "", ...knownProgress(run, view) });
    case "done":
      return derive({ ...view, run, link: "ended", trouble: "" });
    default:
      return derive({ ...view, run });
  }
}

function derive(view: RunView): RunView {
  const activity = activityOf(view);
  return { ...view, busy: !hasEnded(view.run), activity, label: labelOf(view, activity) };
}

function hasEnded(run: RunState): boolean {
  return run.status === "completed" || run.status === "failed" || run.status === "cancelled";
}

function labelOf({ run, link, percent, headline }: RunView, activity: string): string {
  if (run.status === "completed") return "✓ Complete";
  if (run.status === "cancelled") return "Stopped";
  if (run.status === "failed") return run.error?.error ?? "The answer failed.";
  if (link === "reconnecting") return "Reconnecting...";
  if (run.approvals.length || run.status === "queued" || run.recovering !== undefined || !headline) return activity;
  // Progress stays on show while the model prepares the next step, until the work is through and the model reports.
  const answering = percent === 100 && openMessage(run)?.blocks.at(-1)?.type === "text";
  return answering ? activity : headline;
}

function activityOf({ run, link, greeting }: RunView): string {
  if (link === "connecting" && run.status === "new") return "Connecting...";
  if (run.approvals.length) return "Waiting for your approval";
  if (run.status === "queued") return run.queued ? `Waiting for ${run.queued + 1} earlier answers...` : "Waiting for the earlier answer...";
  if (run.recovering !== undefined) return "Continuing after a restart...";
  const call = run.tool_calls.findLast((call) => call.state !== "ended");
  if (call) return callActivity(call);
  const open = openMessage(run);
  if (open) return { text: "Answering...", thinking: "Thinking...", tool_use: "Working..." }[open.blocks.at(-1)?.type ?? "thinking"];
  if (run.status === "new") return greeting || "Waiting for the answer...";
  return run.messages.at(-1)?.stop_reason === "end_turn" ? "Answering..." : "Working...";
}

function callActivity(call: ToolCallState): string {
  const tool = toolTitle(call.name);
  if (call.state === "writing") return `Preparing: ${tool}...`;
  return call.progress?.message ?? (call.runs === "client" ? `In the editor: ${tool}...` : `Running: ${tool}...`);
}

/** A tool's name for people: `mcp_store_code_chunk` becomes `store code chunk`. */
export function toolTitle(name: string | undefined): string {
  return (name ?? "a tool").replace(/^mcp_/, "").replaceAll("_", " ");
}

/** Steps inside a tool, counted by `current` and `total`, neither move the bar nor take the headline's place. */
function progressed({ percent, headline }: Pick<RunView, "percent" | "headline">, data: ProgressData): Pick<RunView, "percent" | "headline"> {
  const step = data.progress === undefined && data.current !== undefined;
  return { percent: data.progress ?? percent, headline: step && headline ? headline : data.message };
}

/** A snapshot holds only the last progress of the run and of each call; what was known `before` fills in. */
function knownProgress(run: RunState, before: Pick<RunView, "percent" | "headline"> = NEW_VIEW): Pick<RunView, "percent" | "headline"> {
  const known = [...run.tool_calls.map((call) => call.progress), run.progress].filter((progress) => progress !== undefined);
  return known.reduce(progressed, { percent: before.percent, headline: before.headline });
}
