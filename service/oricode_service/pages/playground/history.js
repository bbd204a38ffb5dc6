/**
 * Stored messages as turns to show. Pure: the service's messages in, prompts and run states out.
 *
 * A run's messages are the person's, then the model's with tool calls, and the tools' results between them; what a live
 * run would fold to is rebuilt from them, so that one view draws both.
 */

/**
 * @typedef {import("./oricode-client.js").RunState} RunState
 * @typedef {{ role: string, content: string | Record<string, any>[], run_id?: string }} Message
 * @typedef {{ runId: string | null, prompt: string, state: RunState | null }} Turn
 */

/**
 * @param {Message[]} messages the oldest first
 * @returns {Turn[]}
 */
export function turnsOf(messages) {
  /** @type {Turn[]} */
  const turns = [];
  for (const message of messages) {
    const runId = message.run_id ?? null;
    const blocks = typeof message.content === "string" ? [{ type: "text", text: message.content }] : message.content;
    const results = blocks.filter((block) => block["type"] === "tool_result");
    let turn = turns.at(-1);
    if (message.role === "user" && !results.length) {
      const prompt = textOf(blocks);
      if (turn && turn.runId === runId && !turn.state) turn.prompt += `\n\n${prompt}`;
      else turns.push({ runId, prompt, state: null });
      continue;
    }
    if (!turn || turn.runId !== runId) turns.push((turn = { runId, prompt: "", state: null }));
    turn.state = results.length ? withResults(turn.state ?? NOTHING, results) : withMessage(turn.state ?? NOTHING, blocks);
  }
  return turns;
}

/** @type {RunState} */
const NOTHING = { status: "completed", text: "", messages: [], tool_calls: [], approvals: [] };

/**
 * @param {RunState} state
 * @param {Record<string, any>[]} content
 * @returns {RunState}
 */
function withMessage(state, content) {
  const message_id = `stored_${state.messages.length + 1}`;
  const calls = content.filter((block) => block["type"] === "tool_use");
  const blocks = content.map(blockOf).filter((block) => block !== null);
  const message = { message_id, turn: state.messages.length + 1, attempt: 1, model: "", complete: true, blocks };
  const stored = calls.map((call) => ({ tool_call_id: String(call["id"]), message_id, state: /** @type {const} */ ("ended"), name: String(call["name"]), input: call["input"] }));
  return { ...state, text: state.text + textOf(content), messages: [...state.messages, message], tool_calls: [...state.tool_calls, ...stored] };
}

/**
 * A stored block as a run shows it; null for what is never shown.
 * @param {Record<string, any>} block
 * @param {number} index
 * @returns {import("./oricode-client.js").Block | null}
 */
function blockOf(block, index) {
  if (block["type"] === "tool_use") return { index, type: "tool_use", tool_call_id: String(block["id"]) };
  if (block["type"] === "text") return { index, type: "text", text: String(block["text"]) };
  return block["type"] === "thinking" ? { index, type: "thinking", text: String(block["thinking"]) } : null;
}

/**
 * @param {RunState} state
 * @param {Record<string, any>[]} results
 * @returns {RunState}
 */
function withResults(state, results) {
  const byCall = new Map(results.map((result) => [result["tool_use_id"], result]));
  const tool_calls = state.tool_calls.map((call) => {
    const result = byCall.get(call.tool_call_id);
    if (!result) return call;
    const content = typeof result["content"] === "string" ? result["content"] : textOf(result["content"] ?? []);
    return { ...call, status: result["is_error"] ? /** @type {const} */ ("error") : /** @type {const} */ ("ok"), summary: content };
  });
  return { ...state, tool_calls };
}

/** @param {Record<string, any>[]} blocks */
function textOf(blocks) {
  return blocks.filter((block) => block["type"] === "text").map((block) => block["text"]).join("");
}
