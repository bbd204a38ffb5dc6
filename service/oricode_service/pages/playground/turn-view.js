/** One turn: what was asked, and the answer as it grows, with its thinking, its tools, its end. */
import { element, span } from "./element.js";
import { MarkdownView } from "./markdown-view.js";
import { ToolCard } from "./tool-card.js";

/**
 * @typedef {import("./oricode-client.js").RunState} RunState
 * @typedef {import("./oricode-client.js").Block} Block
 *
 * What a person can do about a run. Each resolves to null, or to a complaint to show.
 * @typedef {object} Actions
 * @property {(id: string, decision: "approve" | "deny") => Promise<string | null>} approve
 * @property {(callId: string, content: string, failed: boolean) => Promise<string | null>} answer
 * @property {(rating: "up" | "down") => Promise<string | null>} rate
 * @property {() => void} again asks the same once more
 */

export class TurnView {
  /** @type {Map<string, { node: HTMLElement, update(block: Block, state: RunState): void }>} */
  #parts = new Map();
  #answer = element("div", { class: "answer" });
  #trouble = element("div", { class: "callout", role: "alert", hidden: true });
  #end = element("footer", { class: "turn-end" });
  #ended = false;
  node = element("article", { class: "turn" });

  /**
   * @param {string} prompt
   * @param {Actions | null} actions null: only to look at
   */
  constructor(prompt, actions) {
    this.actions = actions;
    if (prompt) this.node.append(element("div", { class: "asked" }, element("span", { class: "hidden" }, "You: "), prompt));
    this.node.append(this.#answer, this.#trouble, this.#end);
  }

  /** @param {RunState} state */
  update(state) {
    const blocks = state.messages.flatMap((message) =>
      message.blocks.map((block) => ({ block, key: `${message.message_id}/${block.index}/${block.type}` })),
    );
    for (const { block, key } of blocks) if (!this.#parts.has(key)) this.#parts.set(key, makePart(block, this.actions));
    this.#arrange(blocks.map(({ key }) => key)); // before they are drawn: what is not on the page cannot scroll
    for (const { block, key } of blocks) this.#parts.get(key)?.update(block, state);
    const ended = ["completed", "failed", "cancelled"].includes(state.status);
    this.#answer.setAttribute("aria-busy", String(!ended));
    this.node.classList.toggle("live", !ended);
    if (ended && !this.#ended) this.#showEnd(state);
    this.#ended = ended;
  }

  /**
   * What kept the answer from coming.
   * @param {string} sentence
   * @param {string} detail
   */
  fail(sentence, detail) {
    this.node.classList.remove("live");
    this.#answer.setAttribute("aria-busy", "false");
    const again = this.actions ? element("button", { type: "button", class: "quiet", onclick: () => this.actions?.again() }, "Try again") : null;
    this.#trouble.replaceChildren(element("p", {}, element("strong", {}, sentence)), element("p", { class: "callout-detail" }, detail), ...(again ? [again] : []));
    this.#trouble.hidden = false;
  }

  /**
   * Puts the parts into the order of the state; those of a voided attempt go.
   * @param {string[]} keys
   */
  #arrange(keys) {
    const wanted = new Set(keys);
    for (const [key, part] of this.#parts) {
      if (wanted.has(key)) continue;
      part.node.remove();
      this.#parts.delete(key);
    }
    keys.forEach((key, index) => {
      const node = /** @type {HTMLElement} */ (this.#parts.get(key)?.node);
      if (this.#answer.children[index] !== node) this.#answer.insertBefore(node, this.#answer.children[index] ?? null);
    });
  }

  /** @param {RunState} state */
  #showEnd(state) {
    if (state.status === "failed") {
      const error = state.error;
      this.fail(error?.error ?? "The answer failed.", error ? `${error.code}${error.retryable ? " · may work if tried again" : ""}` : "");
      return;
    }
    const facts = [state.status === "cancelled" ? "■ Stopped" : "✓ Complete"];
    const tokens = Number(state.usage?.["input_tokens"] ?? 0) + Number(state.usage?.["output_tokens"] ?? 0);
    if (tokens) facts.push(`${tokens.toLocaleString("en")} tokens`);
    if (state.duration_ms !== undefined) facts.push(span(state.duration_ms));
    const model = state.messages.at(-1)?.model;
    if (model) facts.push(model);
    this.#end.replaceChildren(element("span", {}, facts.join(" · ")), ...this.#ratings());
  }

  #ratings() {
    const { actions } = this;
    if (!actions) return [];
    const make = (/** @type {"up" | "down"} */ rating, /** @type {string} */ label) =>
      element("button", { type: "button", class: "icon rate", "aria-pressed": "false", onclick: () => rate(rating) }, label);
    const buttons = { up: make("up", "Helpful"), down: make("down", "Not helpful") };
    const rate = async (/** @type {"up" | "down"} */ rating) => {
      if ((await actions.rate(rating)) !== null) return;
      for (const [name, button] of Object.entries(buttons)) button.setAttribute("aria-pressed", String(name === rating));
    };
    return [buttons.up, buttons.down];
  }
}

/**
 * @param {Block} block
 * @param {Actions | null} actions
 * @returns {{ node: HTMLElement, update(block: Block, state: RunState): void }}
 */
function makePart(block, actions) {
  if (block.type === "tool_use") {
    const card = new ToolCard(actions);
    return {
      node: card.node,
      update(block, state) {
        if (block.type !== "tool_use") return;
        const call = state.tool_calls.find((call) => call.tool_call_id === block.tool_call_id);
        if (call) card.update(call, state.approvals.find((approval) => approval.tool_call_id === block.tool_call_id));
      },
    };
  }
  const text = new MarkdownView();
  const update = (/** @type {Block} */ block) => {
    if (block.type !== "tool_use") text.update(block.text);
  };
  if (block.type === "text") return { node: text.node, update };
  return { node: element("details", { class: "thinking" }, element("summary", {}, "Thinking"), text.node), update };
}
