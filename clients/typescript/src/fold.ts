/**
 * The fold: a pure reducer from events to the state a viewer is left with.
 *
 * `fold(prefix)` then the rest gives the same state as the whole; a `snapshot` holds a state and replaces what was
 * folded before. Events it does not know are ignored. Twin of `protocol/oricode_protocol/fold.py`; both read
 * `tests/golden/runs`.
 */
import type { OricodeEvent } from "./events.js";
import type { ContentData, MessageStartData, SnapshotData, ToolCallData, ToolInputData } from "./generated/events.js";
import { EMPTY_STATE, type Block, type RunMessage, type RunState, type RunStatus, type ToolCallState } from "./state.js";

/** The state after all of `events`. */
export function fold(events: Iterable<OricodeEvent>): RunState {
  let state = EMPTY_STATE;
  for (const event of events) state = foldEvent(state, event);
  return state;
}

/** The state after one more event. */
export function foldEvent(state: RunState, event: OricodeEvent): RunState {
  switch (event.event) {
    case "connected":
      return { ...state, ...given(event.data, "run_id", "chat_id") };
    case "queued":
      return { ...state, status: "queued", queued: event.data.position };
    case "message_start":
      return startMessage(running(state), event.data);
    case "content":
      return addText(state, "text", event.data);
    case "thinking":
      return addText(state, "thinking", event.data);
    case "tool_input":
      return addToolInput(state, event.data);
    case "message_stop":
      return changeOpen(state, (message) => ({ ...message, complete: true, ...given(event.data, "stop_reason", "usage") }));
    case "tool_call":
      return startCall(running(state), event.data);
    case "progress":
      return changeCall({ ...state, progress: event.data }, event.data.tool_call_id, (call) => ({ ...call, progress: event.data }));
    case "tool_result":
      return changeCall(state, event.data.tool_call_id, (call) => ({
        ...call,
        state: "ended",
        ...given(event.data, "status", "summary", "duration_ms"),
      }));
    case "approval_required":
      return { ...state, approvals: [...without(state, event.data.approval_id), event.data] };
    case "approval_resolved":
      return { ...state, approvals: without(state, event.data.approval_id) };
    case "recovering":
      return { ...running(state), recovering: event.data.attempt };
    case "snapshot":
      return fromSnapshot(event.data);
    case "error":
      return { ...state, error: event.data };
    case "done":
      return {
        ...running(state),
        approvals: [],
        status: event.data.status,
        ...given(event.data, "stop_reason", "usage", "duration_ms"),
      };
    case "heartbeat":
    case "reconnect":
    case "connecting":
    case "reconnecting":
      return state;
    default:
      event satisfies never;
      return state;
  }
}

/** The named fields of `data` that it has. */
function given<T, K extends keyof T>(data: T, ...names: K[]): { [P in K]?: NonNullable<T[P]> } {
  const held: { [P in K]?: NonNullable<T[P]> } = {};
  for (const name of names) {
    const value = data[name];
    if (value !== undefined && value !== null) held[name] = value as NonNullable<T[K]>;
  }
  return held;
}

function running(state: RunState): RunState {
  const { queued: _queued, recovering: _recovering, ...rest } = state;
  return { ...rest, status: "running" };
}

/** The message that text goes to now, null between turns. */
export function openMessage(state: RunState): RunMessage | null {
  const last = state.messages.at(-1);
  return last && !last.complete && state.status === "running" && state.recovering === undefined ? last : null;
}

function changeOpen(state: RunState, change: (message: RunMessage) => RunMessage): RunState {
  const open = openMessage(state);
  return open ? { ...state, messages: [...state.messages.slice(0, -1), change(open)] } : state;
}

function startMessage(state: RunState, data: MessageStartData): RunState {
  const { message_id, turn, attempt, model } = data;
  const fresh: RunMessage = { message_id, turn, attempt, model, complete: false, blocks: [] };
  if (!state.messages.some((message) => message.message_id === message_id)) {
    return { ...state, messages: [...state.messages, fresh] };
  }
  // A later attempt voids what the earlier one showed.
  const messages = state.messages.map((message) => (message.message_id === message_id ? fresh : message));
  const tool_calls = state.tool_calls.filter((call) => call.message_id !== message_id);
  return { ...state, messages, tool_calls, text: textOf(messages) };
}

function addText(state: RunState, type: "text" | "thinking", data: ContentData): RunState {
  let appended = false;
  const next = changeOpen(state, (message) => {
    const last = message.blocks.at(-1);
    appended = type === "text" && (last === undefined || last.index <= data.index);
    const blocks = message.blocks.some((block) => block.index === data.index)
      ? message.blocks.map((block) => (block.index === data.index && "text" in block ? { ...block, text: block.text + data.text } : block))
      : inOrder([...message.blocks, { index: data.index, type, text: data.text }]);
    return { ...message, blocks };
  });
  if (next === state || type !== "text") return next;
  return { ...next, text: appended ? state.text + data.text : textOf(next.messages) };
}

function addToolInput(state: RunState, data: ToolInputData): RunState {
  const open = openMessage(state);
  if (!open) return state;
  const piece = (call: ToolCallState): ToolCallState => ({
    ...call,
    ...given(data, "name"),
    partial_json: (call.partial_json ?? "") + data.partial_json,
  });
  if (state.tool_calls.some((call) => call.tool_call_id === data.tool_call_id)) return changeCall(state, data.tool_call_id, piece);
  const { index, tool_call_id } = data;
  const next = changeOpen(state, (message) => ({
    ...message,
    blocks: inOrder([...message.blocks, { index, type: "tool_use", tool_call_id }]),
  }));
  const call = piece({ tool_call_id, message_id: open.message_id, state: "writing" });
  return { ...next, tool_calls: [...state.tool_calls, call] };
}

function startCall(state: RunState, data: ToolCallData): RunState {
  const { tool_call_id } = data;
  const known = state.tool_calls.find((call) => call.tool_call_id === tool_call_id);
  const { partial_json: _written, ...before } = known ?? { tool_call_id, message_id: state.messages.at(-1)?.message_id ?? "" };
  const call: ToolCallState = { ...before, ...given(data, "name", "input", "runs", "deadline"), state: "running" };
  if (!known) return { ...state, tool_calls: [...state.tool_calls, call] };
  return changeCall(state, tool_call_id, () => call);
}

function changeCall(state: RunState, id: string | undefined, change: (call: ToolCallState) => ToolCallState): RunState {
  if (!state.tool_calls.some((call) => call.tool_call_id === id)) return state;
  return { ...state, tool_calls: state.tool_calls.map((call) => (call.tool_call_id === id ? change(call) : call)) };
}

function without(state: RunState, approvalId: string): RunState["approvals"] {
  return state.approvals.filter((approval) => approval.approval_id !== approvalId);
}

function inOrder(blocks: Block[]): Block[] {
  return blocks.sort((a, b) => a.index - b.index);
}

function textOf(messages: readonly RunMessage[]): string {
  return messages.flatMap((message) => message.blocks.map((block) => (block.type === "text" ? block.text : ""))).join("");
}

function fromSnapshot(data: SnapshotData): RunState {
  const present = Object.fromEntries(Object.entries(data).filter(([, value]) => value !== null && value !== undefined));
  const messages = data.messages as unknown as RunMessage[];
  return { ...(present as unknown as RunState), status: data.status as RunStatus, text: textOf(messages) };
}
