/** A tool call as a card: what runs, how far it is, and the code as the model writes it. */
import { toolTitle, type ToolCallState } from "@oricode/client";
import { h, setText } from "./dom.js";
import { highlighted } from "./highlight.js";
import { liveCode } from "./live_code.js";

const MARKS: Record<string, string> = { ok: "✓", error: "✕", denied: "⊘", unknown: "?" };
const SPOKEN: Record<string, string> = { ok: "done", error: "failed", denied: "denied", unknown: "outcome unknown" };

export class ToolCard {
  private readonly mark = h("span", { class: "mark", "aria-hidden": "true" });
  private readonly title = h("span", { class: "title" });
  private readonly detail = h("span", { class: "detail" });
  private readonly code = h("code");
  private readonly summary = h("summary", { onclick: () => (this.chosen = true) }, "Code");
  private readonly fold = h("details", {}, this.summary, h("pre", { tabindex: "0" }, this.code));
  readonly element = h("section", { class: "tool" }, h("div", { class: "line" }, this.mark, this.title, this.detail), this.fold);
  private shown: ToolCallState | null = null;
  private asked = false;
  private language = "";
  private chosen = false;

  /** `asked`: it waits for the user's approval. */
  update(call: ToolCallState, asked: boolean): void {
    if (call === this.shown && asked === this.asked) return;
    this.shown = call;
    this.asked = asked;
    const name = toolTitle(call.name);
    const outcome = call.state === "ended" ? (call.status ?? "ok") : "";
    this.element.dataset["state"] = outcome || call.state;
    this.element.setAttribute("aria-label", `${name}: ${outcome ? SPOKEN[outcome] : call.state}`);
    setText(this.mark, outcome ? (MARKS[outcome] ?? "") : "");
    setText(this.title, name);
    this.title.title = call.name ?? "";
    setText(this.detail, asked ? "waits for your approval" : detailOf(call));
    const { code, language } = liveCode(call);
    this.fold.hidden = !code;
    // Live code is on show while it is written, and out of the way afterwards, unless the reader chose otherwise.
    if (!this.chosen && this.fold.open !== (outcome === "")) this.fold.open = outcome === "";
    // The language is known late: from the file's name, which may come behind the code.
    if (code && (this.code.textContent !== code || this.language !== language)) {
      this.language = language;
      this.code.replaceChildren(...highlighted(code, language));
    }
    const lines = this.fold.lastElementChild!;
    if (call.state === "writing") lines.scrollTop = lines.scrollHeight;
  }
}

function detailOf(call: ToolCallState): string {
  if (call.state === "ended") return call.summary ?? "";
  if (call.state === "writing") return "being written…";
  const steps = call.progress?.total ? ` (${call.progress.current}/${call.progress.total})` : "";
  return call.progress ? call.progress.message + steps : call.runs === "client" ? "waiting in the editor…" : "running…";
}
