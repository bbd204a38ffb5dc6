/** One tool call: what it is, how far it is, its code as it is written, and what a person must decide or answer. */
import { element, setText, span } from "./element.js";
import { codeBlock } from "./markdown-view.js";
import { codeOf, partialStrings } from "./partial-json.js";

/**
 * @typedef {import("./oricode-client.js").ToolCallState} ToolCall
 * @typedef {import("./oricode-client.js").ApprovalRequiredData} Approval
 * @typedef {import("./turn-view.js").Actions} Actions
 */

const ICONS = { ok: "✓", error: "✗", denied: "✗", unknown: "?" };
const WORDS = { ok: "", error: "failed", denied: "denied", unknown: "outcome unknown" };

export class ToolCard {
  #icon = element("span", { class: "tool-icon", "aria-hidden": "true" });
  #name = element("span", { class: "tool-name" });
  #note = element("span", { class: "tool-note" });
  #time = element("span", { class: "tool-time" });
  #steps = element("progress", { class: "tool-steps", "aria-label": "Steps", hidden: true });
  #lines = element("span");
  #code = codeBlock("", "");
  #input = element("details", { class: "tool-input" }, element("summary", {}, this.#lines), this.#code);
  #ask = element("div", { class: "tool-ask" });
  /** What the card asks for at present; null for nothing. @type {string | null} */
  #asking = null;
  #touched = false;
  node = element("section", { class: "tool" }, element("header", {}, this.#icon, this.#name, this.#note, this.#time), this.#steps, this.#input, this.#ask);

  /** @param {Actions | null} actions null: only to look at */
  constructor(actions) {
    this.actions = actions;
    this.#input.querySelector("summary")?.addEventListener("click", () => (this.#touched = true));
  }

  /**
   * @param {ToolCall} call
   * @param {Approval | undefined} approval
   */
  update(call, approval) {
    const status = call.state === "ended" ? (call.status ?? "ok") : null;
    this.node.dataset["state"] = approval ? "asks" : (status ?? call.state);
    setText(this.#icon, status ? ICONS[status] : approval ? "!" : "");
    setText(this.#name, readable(call.name ?? "tool"));
    this.#name.title = call.name ?? "";
    this.node.setAttribute("aria-label", `Tool: ${readable(call.name ?? "tool")}`);
    setText(this.#note, noteOf(call, approval));
    setText(this.#time, call.duration_ms !== undefined ? span(call.duration_ms) : "");
    this.#showSteps(call);
    this.#showInput(call, approval !== undefined);
    this.#showAsk(call, approval);
  }

  /** @param {ToolCall} call */
  #showSteps(call) {
    const { current, total } = call.progress ?? {};
    const known = call.state === "running" && typeof current === "number" && typeof total === "number" && total > 0;
    this.#steps.hidden = !known;
    if (known) {
      this.#steps.max = total;
      this.#steps.value = current;
    }
  }

  /**
   * @param {ToolCall} call
   * @param {boolean} approvalWaits whether a person must look at it now
   */
  #showInput(call, approvalWaits) {
    const input = call.input ?? partialStrings(call.partial_json ?? "");
    const found = codeOf(input);
    const text = found ? found.code : call.input ? JSON.stringify(call.input, null, 2) : (call.partial_json ?? "");
    const asked = call.runs === "client" && typeof call.input?.["question"] === "string"; // the form shows it
    const early = call.state === "writing" && !found && !approvalWaits;
    this.#input.hidden = !text || text === "{}" || asked || early;
    const pre = this.#input.querySelector("pre");
    const code = this.#code.querySelector("code");
    if (!pre || !code) return;
    const atEnd = pre.scrollHeight - pre.scrollTop - pre.clientHeight < 40;
    setText(code, text);
    const lines = text.split("\n").length;
    setText(this.#lines, `${found ? readable(found.name) : "Input"} · ${lines} ${lines === 1 ? "line" : "lines"}`);
    const language = this.#code.querySelector("figcaption span");
    if (language) setText(/** @type {HTMLElement} */ (language), String(input["program"] ?? call.name ?? ""));
    if (!this.#touched) this.#input.open = approvalWaits || (call.state === "writing" && found !== null);
    if (call.state === "writing" && atEnd) pre.scrollTop = pre.scrollHeight;
  }

  /**
   * @param {ToolCall} call
   * @param {Approval | undefined} approval
   */
  #showAsk(call, approval) {
    const waits = call.runs === "client" && call.state === "running";
    const asking = this.actions && approval ? approval.approval_id : this.actions && waits ? call.tool_call_id : null;
    if (asking === this.#asking) return;
    this.#asking = asking;
    if (asking === null || !this.actions) this.#ask.replaceChildren();
    else if (approval) this.#ask.replaceChildren(approvalForm(approval, this.actions));
    else this.#ask.replaceChildren(answerForm(call, this.actions));
  }
}

/**
 * @param {ToolCall} call
 * @param {Approval | undefined} approval
 */
function noteOf(call, approval) {
  if (approval) return approval.reason;
  if (call.state === "ended") return [WORDS[call.status ?? "ok"], firstLine(call.summary ?? "")].filter(Boolean).join(": ");
  if (call.state === "writing") return "is being written…";
  if (call.progress) return call.progress.message;
  return call.runs === "client" ? "waits for an answer" : "runs…";
}

/** @param {string} text */
function firstLine(text) {
  const line = text.split("\n", 1)[0] ?? "";
  return line.length > 160 ? `${line.slice(0, 160)}…` : line;
}

/**
 * `mcp_store_code_chunk` as words.
 * @param {string} name
 */
function readable(name) {
  const words = name.replace(/^mcp_+/, "").replaceAll(/[_-]+/g, " ").trim();
  return words ? words[0].toUpperCase() + words.slice(1) : name;
}

/**
 * @param {Approval} approval
 * @param {Actions} actions
 */
function approvalForm(approval, actions) {
  const trouble = element("p", { class: "trouble", role: "alert" });
  const decide = async (/** @type {"approve" | "deny"} */ decision) => {
    buttons.forEach((button) => (button.disabled = true));
    setText(trouble, "");
    const complaint = await actions.approve(approval.approval_id, decision);
    setText(trouble, complaint ?? "");
    if (complaint) buttons.forEach((button) => (button.disabled = false));
  };
  const buttons = [
    element("button", { type: "button", class: "primary", onclick: () => decide("approve") }, "Approve"),
    element("button", { type: "button", class: "quiet", onclick: () => decide("deny") }, "Deny"),
  ];
  const until = new Date(approval.expires_at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return element("div", { role: "group", "aria-label": "Approval" }, element("div", { class: "ask-line" }, ...buttons, element("span", { class: "ask-note" }, `until ${until}`)), trouble);
}

/**
 * @param {ToolCall} call
 * @param {Actions} actions
 */
function answerForm(call, actions) {
  const question = typeof call.input?.["question"] === "string" ? call.input["question"] : `The model called ${call.name}. What is the result?`;
  const text = element("textarea", { rows: 2, required: true });
  const failed = element("input", { type: "checkbox" });
  const send = element("button", { type: "submit", class: "primary" }, "Answer");
  const trouble = element("p", { class: "trouble", role: "alert" });
  const form = element("form", {}, element("label", {}, element("span", { class: "question" }, question), text),
    element("div", { class: "ask-line" }, send, element("label", { class: "ask-note" }, failed, " it failed")), trouble);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    send.disabled = true;
    const complaint = await actions.answer(call.tool_call_id, text.value, failed.checked);
    setText(trouble, complaint ?? "");
    send.disabled = complaint === null;
  });
  return form;
}
