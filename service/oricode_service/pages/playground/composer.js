/** Where a person writes: the prompt, the model, the transport, the options; Send, or Stop while an answer comes. */
import { byId, element } from "./element.js";

/**
 * @typedef {object} Asked
 * @property {string} prompt
 * @property {string} model
 * @property {"sse" | "websocket" | "json"} transport
 * @property {boolean} approvals
 * @property {boolean} offerTool
 */

export class Composer {
  #form = byId("composer", HTMLFormElement);
  #prompt = byId("prompt", HTMLTextAreaElement);
  #model = byId("model", HTMLSelectElement);
  #transport = byId("transport", HTMLSelectElement);
  #approvals = byId("opt-approvals", HTMLInputElement);
  #tool = byId("opt-tool", HTMLInputElement);
  #options = byId("options", HTMLDetailsElement);
  #send = byId("send", HTMLButtonElement);
  #stop = byId("stop", HTMLButtonElement);
  #busy = false;

  /**
   * @param {(asked: Asked) => void} onSend
   * @param {() => void} onStop
   */
  constructor(onSend, onStop) {
    this.onSend = onSend;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#prompt.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#submit();
    });
    this.#stop.addEventListener("click", onStop);
    document.addEventListener("pointerdown", (event) => {
      if (!this.#options.contains(/** @type {Node} */ (event.target))) this.#options.open = false;
    });
    this.#options.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      this.#options.open = false;
      this.#options.querySelector("summary")?.focus();
    });
    this.#transport.value = sessionStorage.getItem("oricode.transport") ?? "sse";
    this.#transport.addEventListener("change", () => sessionStorage.setItem("oricode.transport", this.#transport.value));
  }

  /**
   * @param {string[]} models
   * @param {string} chosen
   */
  offer(models, chosen) {
    const before = this.#model.value;
    this.#model.replaceChildren(...models.map((model) => element("option", { value: model }, model)));
    this.#model.value = models.includes(before) ? before : chosen;
  }

  /** @returns {"sse" | "websocket" | "json"} */
  get transport() {
    const { value } = this.#transport;
    return value === "websocket" || value === "json" ? value : "sse";
  }

  /** @param {boolean} busy */
  set busy(busy) {
    if (this.#busy === busy) return;
    this.#busy = busy;
    const held = document.activeElement === this.#send || document.activeElement === this.#stop;
    this.#send.hidden = busy;
    this.#stop.hidden = !busy;
    this.#stop.disabled = false;
    if (held) this.#prompt.focus();
  }

  /** Stop was pressed; it takes a moment. */
  stopping() {
    this.#stop.disabled = true;
  }

  focus() {
    this.#prompt.focus();
  }

  /**
   * Writes a prompt and sends it.
   * @param {string} prompt
   * @param {string | undefined} model
   */
  play(prompt, model) {
    this.#prompt.value = prompt;
    if (model && [...this.#model.options].some((option) => option.value === model)) this.#model.value = model;
    this.#submit();
  }

  #submit() {
    const prompt = this.#prompt.value;
    if (this.#busy || !prompt.trim()) return;
    this.#prompt.value = "";
    this.#options.open = false;
    this.onSend({ prompt, model: this.#model.value, transport: this.transport, approvals: this.#approvals.checked, offerTool: this.#tool.checked });
  }
}
