/** A run and the view of it: folds its events, and draws at most once a frame however many there are. */
import { NEW_VIEW, reduceView } from "./oricode-client.js";

/**
 * @typedef {import("./oricode-client.js").ChatRun} ChatRun
 * @typedef {import("./oricode-client.js").RunView} RunView
 */

export class WatchedRun {
  /** @type {RunView} */
  view = NEW_VIEW;
  #frame = 0;
  #closed = false;

  /**
   * @param {ChatRun} run
   * @param {(view: RunView) => void} draw
   * @param {(error: Error & { code?: string, blame?: string }) => void} fail why the run could not be followed to its end
   */
  constructor(run, draw, fail) {
    this.run = run;
    this.draw = draw;
    run.on("*", (_data, event) => {
      this.view = reduceView(this.view, event);
      if (!this.view.busy) this.#now(); // a page in the background draws no frames, but it should show the end
      else this.#frame ||= requestAnimationFrame(() => this.#now());
    });
    run.result().catch((error) => {
      const told = ["completed", "failed", "cancelled"].includes(run.status);
      if (!this.#closed && !told) fail(error);
    });
    draw(this.view);
  }

  /** Stops watching; the run goes on. */
  close() {
    this.#closed = true;
    cancelAnimationFrame(this.#frame);
    this.run.close();
  }

  #now() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (!this.#closed) this.draw(this.view);
  }
}

/**
 * What a person can do about a run. A complaint is a sentence to show; null means it was done.
 * @param {ChatRun} run
 * @param {() => void} again
 * @returns {import("./turn-view.js").Actions}
 */
export function actionsOf(run, again) {
  const told = (/** @type {Promise<void>} */ work) => work.then(() => null, (error) => (error instanceof Error ? error.message : String(error)));
  return {
    approve: (id, decision) => told(run.approve(id, decision)),
    answer: (callId, content, failed) => told(run.toolResult(callId, content, { isError: failed })),
    rate: (rating) => told(run.feedback(rating)),
    again,
  };
}
