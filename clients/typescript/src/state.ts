/** The folded state of a run, as PROTOCOL.md section 5 defines it: what a `snapshot` carries and the fold computes. */
import type { ApprovalRequiredData, ErrorData, JsonObject, ProgressData, ToolCallData, ToolResultData } from "./generated/events.js";

export type RunStatus = "new" | "queued" | "running" | "completed" | "failed" | "cancelled";

export interface TextBlock {
  index: number;
  type: "text" | "thinking";
  text: string;
}

export interface ToolUseBlock {
  index: number;
  type: "tool_use";
  tool_call_id: string;
}

export type Block = TextBlock | ToolUseBlock;

/** One turn of the model. Until `complete`, a later attempt may void what it shows. */
export interface RunMessage {
  message_id: string;
  turn: number;
  attempt: number;
  model: string;
  complete: boolean;
  blocks: readonly Block[];
  stop_reason?: string;
  usage?: JsonObject;
}

export interface ToolCallState {
  tool_call_id: string;
  message_id: string;
  /** `writing`: the model is still writing the input, see `partial_json`. */
  state: "writing" | "running" | "ended";
  name?: string;
  partial_json?: string;
  input?: JsonObject;
  runs?: ToolCallData["runs"];
  /** Milliseconds since the epoch; client tools only. */
  deadline?: number;
  progress?: ProgressData;
  status?: ToolResultData["status"];
  summary?: string;
  duration_ms?: number;
}

/** Immutable: every event makes a new state that shares what did not change. */
export interface RunState {
  readonly run_id?: string;
  readonly chat_id?: string;
  readonly status: RunStatus;
  /** The answer: the text blocks of all messages, in order. */
  readonly text: string;
  readonly messages: readonly RunMessage[];
  readonly tool_calls: readonly ToolCallState[];
  /** Those still waiting for a decision. */
  readonly approvals: readonly ApprovalRequiredData[];
  readonly progress?: ProgressData;
  /** Runs of this chat that end first. */
  readonly queued?: number;
  /** Which attempt continues the run after a restart; absent once it goes on. */
  readonly recovering?: number;
  readonly error?: ErrorData;
  readonly stop_reason?: string;
  readonly usage?: JsonObject;
  readonly duration_ms?: number;
}

export const EMPTY_STATE: RunState = { status: "new", text: "", messages: [], tool_calls: [], approvals: [] };
