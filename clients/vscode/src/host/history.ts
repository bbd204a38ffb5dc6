/** Stored messages of a chat (PROTOCOL.md, `GET /api/chats/{chat}`) as exchanges to show. Pure; odd messages are skipped. */
import { EMPTY_STATE, viewOf, type Block, type JsonObject, type RunMessage, type RunState, type ToolCallState } from "@oricode/client";
import type { Exchange } from "../shared/messages.js";

interface StoredMessage {
  role?: unknown;
  content?: unknown;
  run_id?: unknown;
}

/** `liveRun`: the run that is still going on; its exchange is left out, as following it shows it whole. */
export function exchangesOf(messages: readonly StoredMessage[], liveRun: string | null): { exchanges: Exchange[]; livePrompt: string } {
  const exchanges: Exchange[] = [];
  let prompt = "";
  let livePrompt = "";
  let answer: RunState | null = null;
  const finish = () => {
    if (answer) exchanges.push(shown(prompt, answer));
    answer = null;
  };
  for (const { role, content, run_id } of messages) {
    const blocks = blocksOf(content);
    const results = blocks.filter((block) => block["type"] === "tool_result");
    if (role === "user" && results.length) {
      if (answer) answer = results.reduce<RunState>(withResult, answer);
    } else if (role === "user") {
      finish();
      prompt = textOf(blocks);
      if (run_id === liveRun) livePrompt = prompt;
    } else if (role === "assistant" && !(liveRun !== null && run_id === liveRun)) {
      answer = withMessage(answer ?? { ...EMPTY_STATE, status: "completed", ...(typeof run_id === "string" ? { run_id } : {}) }, blocks);
    }
  }
  finish();
  return { exchanges, livePrompt };
}

function shown(prompt: string, state: RunState): Exchange {
  const view = viewOf(state);
  return { id: state.run_id ?? prompt, prompt, context: "", runId: state.run_id ?? null, view, failure: null, rating: null };
}

function blocksOf(content: unknown): JsonObject[] {
  if (typeof content === "string") return [{ type: "text", text: content }];
  return Array.isArray(content) ? (content as JsonObject[]) : [];
}

function textOf(blocks: readonly JsonObject[]): string {
  return blocks.map((block) => (block["type"] === "text" ? String(block["text"] ?? "") : "")).join("");
}

function withMessage(state: RunState, stored: readonly JsonObject[]): RunState {
  const message_id = `stored_${state.messages.length}`;
  const blocks: Block[] = [];
  const calls: ToolCallState[] = [];
  stored.forEach((block, index) => {
    if (block["type"] === "text") blocks.push({ index, type: "text", text: String(block["text"] ?? "") });
    if (block["type"] === "thinking") blocks.push({ index, type: "thinking", text: String(block["thinking"] ?? "") });
    if (block["type"] !== "tool_use") return;
    const tool_call_id = String(block["id"]);
    blocks.push({ index, type: "tool_use", tool_call_id });
    calls.push({ tool_call_id, message_id, state: "ended", name: String(block["name"]), input: (block["input"] ?? {}) as JsonObject });
  });
  const message: RunMessage = { message_id, turn: state.messages.length + 1, attempt: 1, model: "", complete: true, blocks };
  return { ...state, messages: [...state.messages, message], tool_calls: [...state.tool_calls, ...calls], text: state.text + textOf(stored) };
}

function withResult(state: RunState, result: JsonObject): RunState {
  const summary = textOf(blocksOf(result["content"])).split("\n")[0] ?? "";
  const status = result["is_error"] === true ? "error" : "ok";
  const tool_calls = state.tool_calls.map((call): ToolCallState =>
    call.tool_call_id === result["tool_use_id"] ? { ...call, status, summary } : call,
  );
  return { ...state, tool_calls };
}
