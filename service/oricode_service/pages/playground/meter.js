/** The line under the title: what happens now, how far it is, and how long ago the service last gave a sign of life. */
import { byId, setText, span } from "./element.js";

/**
 * @typedef {import("./oricode-client.js").RunView} RunView
 * @typedef {import("./tap.js").Tap} Tap
 */

const QUIET_MS = 20_000;
const NAMES = { sse: "SSE", websocket: "WebSocket", json: "JSON" };

export class Meter {
  #root = byId("meter", HTMLElement);
  #label = byId("meter-label", HTMLElement);
  #percent = byId("meter-percent", HTMLElement);
  #transport = byId("meter-transport", HTMLElement);
  #life = byId("meter-life", HTMLElement);
  #age = byId("meter-age", HTMLElement);
  #bar = byId("meter-bar", HTMLProgressElement);
  /** @type {{ tap: Tap, transport: keyof typeof NAMES } | null} */
  #source = null;
  #busy = false;

  constructor() {
    setInterval(() => this.#beat(), 500);
  }

  /**
   * Shows a run from now on.
   * @param {Tap} tap
   * @param {keyof typeof NAMES} transport
   */
  follow(tap, transport) {
    this.#source = { tap, transport };
    this.#root.hidden = false;
  }

  /** Nothing is going on. */
  rest() {
    this.#source = null;
    this.#busy = false;
    this.#root.hidden = true;
  }

  /** @param {RunView} view */
  update(view) {
    this.#busy = view.busy;
    this.#root.dataset["link"] = view.busy ? view.link : view.run.status;
    setText(this.#label, view.label);
    const known = view.percent !== null;
    setText(this.#percent, known ? `${Math.floor(view.percent ?? 0)}%` : "");
    if (known) this.#bar.value = view.percent ?? 0;
    else if (view.busy) this.#bar.removeAttribute("value");
    else this.#bar.value = 0;
    this.#bar.hidden = !view.busy && !known;
    this.#beat();
  }

  #beat() {
    if (!this.#source) return;
    const { tap, transport } = this.#source;
    setText(this.#transport, NAMES[transport]);
    this.#life.hidden = !this.#busy || !tap.lastHeard;
    const age = performance.now() - tap.lastHeard;
    this.#root.classList.toggle("quiet-line", !this.#life.hidden && age > QUIET_MS);
    setText(this.#age, age < 1000 ? "now" : `${span(Math.floor(age / 1000) * 1000).replace(".0", "")} ago`);
  }
}
