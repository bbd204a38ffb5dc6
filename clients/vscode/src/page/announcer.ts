/** Reads a finished answer out to people with a screen reader: its last words, once. While it grows, the status line speaks. */
import type { RunView } from "@oricode/client";
import { h, setText } from "./dom.js";

/** More than this nobody wants to hear unasked; the rest is in the conversation. */
const MAX_LENGTH = 1_000;

export class Announcer {
  readonly element = h("div", { class: "spoken", role: "status" });
  /** The exchange that was seen going on. */
  private awaited = "";

  /** The current exchange and what is known of it. One that had ended before this page saw it is not read out. */
  update(exchange: string, view: RunView): void {
    if (view.busy) this.awaited = exchange;
    else if (exchange === this.awaited) {
      this.awaited = "";
      setText(this.element, lastWords(view).slice(0, MAX_LENGTH));
    }
  }
}

function lastWords({ run, label }: RunView): string {
  if (run.status !== "completed") return label;
  const blocks = run.messages.at(-1)?.blocks ?? [];
  return blocks.map((block) => (block.type === "text" ? block.text : "")).join("");
}
