/** The chat in the middle of the page: its stored turns, and the one that is live. */
import { turnsOf } from "./history.js";
import { TurnView } from "./turn-view.js";
import { WatchedRun, actionsOf } from "./watched.js";

/**
 * @typedef {import("./oricode-client.js").RunView} RunView
 * @typedef {import("./oricode-client.js").ChatRun} ChatRun
 * @typedef {import("./composer.js").Asked} Asked
 * @typedef {import("./service.js").Service} Service
 * @typedef {import("./tap.js").Tap} Tap
 * @typedef {"sse" | "websocket" | "json"} Transport
 *
 * @typedef {object} Events
 * @property {(tap: Tap, transport: Transport) => void} follows a run is being watched
 * @property {(view: RunView, run: ChatRun) => void} drawn it was drawn
 * @property {(error: Error & { code?: string }) => void} refused the service refused for a reason of the key
 * @property {(words: string, trouble: boolean) => void} marked something happened to the connection
 * @property {() => void} grew content was added
 */

const MOST_PAGES = 50;
const ASK_PERSON = {
  name: "ask_person",
  description: "Ask the person in front of the screen one question and get the answer.",
  input_schema: { type: "object", properties: { question: { type: "string" } }, required: ["question"] },
};

export class Conversation {
  /** @type {string | null} */
  chatId = null;
  /** @type {{ watched: WatchedRun, tap: Tap, transport: Transport } | null} */
  #live = null;
  #generation = 0;

  /**
   * @param {HTMLElement} log
   * @param {Service} service
   * @param {Events} events
   */
  constructor(log, service, events) {
    this.log = log;
    this.service = service;
    this.events = events;
  }

  /** The run that is watched, ended or not; null when there is none. */
  get run() {
    return this.#live?.watched.run ?? null;
  }

  /** How the watched run's events come in. */
  get transport() {
    return this.#live?.transport ?? null;
  }

  get busy() {
    return this.#live?.watched.view.busy ?? false;
  }

  /** Shows an empty chat. */
  clear() {
    this.#generation++;
    this.#live?.watched.close();
    this.#live = null;
    this.chatId = null;
    this.log.replaceChildren();
  }

  /**
   * Shows a stored chat, and goes on watching its live run. Rejects as the client does.
   * @param {string} chatId
   * @param {Transport} transport
   */
  async open(chatId, transport) {
    this.clear();
    this.chatId = chatId;
    const generation = this.#generation;
    const { messages, liveRun } = await this.#load(chatId);
    if (generation !== this.#generation) return;
    const turns = turnsOf(messages);
    for (const turn of turns) {
      if (turn.runId === liveRun && liveRun) continue;
      const shown = new TurnView(turn.prompt, null);
      if (turn.state) shown.update(turn.state);
      this.log.append(shown.node);
    }
    if (liveRun) {
      const prompt = turns.find((turn) => turn.runId === liveRun)?.prompt ?? "";
      const { client, tap } = this.service.connect(transport);
      this.#watch(client.attach(liveRun), prompt, tap, transport, () => {});
    }
    this.events.grew();
  }

  /** @param {Asked} asked */
  ask(asked) {
    const { client, tap } = this.service.connect(asked.transport);
    const run = client.chat(asked.prompt, {
      ...(this.chatId ? { chat_id: this.chatId } : {}),
      ...(asked.model ? { model: asked.model } : {}),
      ...(asked.approvals ? { approvals: true } : {}),
      // Answered by a form in the tool's card, not by a function.
      ...(asked.offerTool ? { tools: /** @type {any} */ ([{ ...ASK_PERSON, run: () => new Promise(() => {}) }]) } : {}),
    });
    this.#watch(run, asked.prompt, tap, asked.transport, () => this.ask(asked));
  }

  /** Ends the live run. Resolves to a complaint, or null. */
  async stop() {
    const run = this.run;
    if (!run) return null;
    try {
      await run.cancel();
      return null;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** Breaks the connection of the live run for a moment. */
  cut() {
    this.#live?.tap.cut();
  }

  /**
   * @param {ChatRun} run
   * @param {string} prompt
   * @param {Tap} tap
   * @param {Transport} transport
   * @param {() => void} again
   */
  #watch(run, prompt, tap, transport, again) {
    this.#live?.watched.close();
    const turn = new TurnView(prompt, actionsOf(run, again));
    this.log.append(turn.node);
    this.events.follows(tap, transport);
    const draw = (/** @type {RunView} */ view) => {
      turn.update(view.run);
      this.chatId = view.run.chat_id ?? this.chatId;
      this.events.drawn(view, run);
    };
    const fail = (/** @type {Error & { code?: string, blame?: string }} */ error) => {
      turn.fail(error.message, [error.code, error.blame === "network" ? "the run, if it started, goes on" : ""].filter(Boolean).join(" · "));
      const view = { ...watched.view, busy: false, link: /** @type {const} */ ("ended"), label: error.message };
      watched.view = { ...view, run: { ...view.run, status: "failed" } };
      this.events.drawn(watched.view, run);
      if (error.code === "unauthorized" || error.code === "key_revoked") this.events.refused(error);
    };
    run.on("connecting", ({ transport }) => this.events.marked(`connecting over ${transport}`, false));
    run.on("reconnecting", ({ reason, delay_ms }) => this.events.marked(`${reason} Trying again in ${(delay_ms / 1000).toFixed(1)} s.`, true));
    const watched = new WatchedRun(run, draw, fail);
    this.#live = { watched, tap, transport };
  }

  /** @param {string} chatId */
  async #load(chatId) {
    /** @type {import("./history.js").Message[]} */
    const messages = [];
    /** @type {string | undefined} */
    let after;
    let liveRun = null;
    for (let page = 0; page < MOST_PAGES; page++) {
      const found = await this.service.rest.messages(chatId, { limit: 100, ...(after ? { after } : {}) });
      messages.push(.../** @type {import("./history.js").Message[]} */ (found["messages"]));
      if (typeof found["live_run"] === "string") liveRun = found["live_run"];
      if (typeof found["next"] !== "string") break;
      after = found["next"];
    }
    return { messages, liveRun };
  }
}
