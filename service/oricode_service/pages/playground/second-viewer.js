/** A second viewer of the same run beside the first, over another transport, with a connection of its own to cut. */
import { byId, element, setText } from "./element.js";
import { TurnView } from "./turn-view.js";
import { WatchedRun, actionsOf } from "./watched.js";

const NAMES = { sse: "SSE", websocket: "WebSocket", json: "JSON" };

export class SecondViewer {
  #title = byId("viewer-title", HTMLElement);
  #log = byId("viewer-log", HTMLElement);
  #meter = byId("viewer-meter", HTMLElement);
  /** @type {WatchedRun | null} */
  #watched = null;

  /** @param {import("./service.js").Service} service */
  constructor(service) {
    this.service = service;
  }

  /**
   * @param {string} runId
   * @param {"sse" | "websocket"} transport
   */
  open(runId, transport) {
    this.close();
    setText(this.#title, `Second viewer · ${NAMES[transport]}`);
    const { client, tap } = this.service.connect(transport, true);
    const run = client.attach(runId);
    const turn = new TurnView("", actionsOf(run, () => this.open(runId, transport)));
    const label = element("span");
    const dot = element("span", { class: "dot", "aria-hidden": "true" });
    const cut = element("button", { type: "button", class: "quiet", onclick: () => tap.cut() }, "Cut");
    this.#meter.replaceChildren(dot, label, cut);
    this.#log.replaceChildren(turn.node);
    const draw = (/** @type {import("./oricode-client.js").RunView} */ view) => {
      const atEnd = this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < 80;
      turn.update(view.run);
      this.#meter.dataset["link"] = view.busy ? view.link : view.run.status;
      setText(label, view.percent !== null && view.busy ? `${view.label} ${Math.floor(view.percent)}%` : view.label);
      cut.disabled = !view.busy;
      if (atEnd) this.#log.scrollTop = this.#log.scrollHeight;
    };
    this.#watched = new WatchedRun(run, draw, (error) => {
      turn.fail(error.message, error.code ?? "");
      setText(label, error.message);
    });
  }

  close() {
    this.#watched?.close();
    this.#watched = null;
    this.#log.replaceChildren();
  }
}
