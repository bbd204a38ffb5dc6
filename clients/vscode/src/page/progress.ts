/** The line above the composer: what happens now, how far it is, and how the answers get here. */
import type { RunView } from "@oricode/client";
import type { Path } from "../shared/messages.js";
import { h, setText } from "./dom.js";

export class Progress {
  private readonly label = h("span", { class: "label", role: "status" });
  private readonly percent = h("span", { class: "percent" });
  private readonly activity = h("div", { class: "activity" });
  private readonly fill = h("div", { class: "fill" });
  private readonly bar = h(
    "div",
    { class: "bar", role: "progressbar", "aria-label": "Progress", "aria-valuemin": "0", "aria-valuemax": "100" },
    this.fill,
  );
  private readonly path = h("div", { class: "path" });
  private readonly body = h("div", { class: "body" }, h("div", { class: "line" }, this.label, this.percent), this.bar, this.activity);
  readonly element = h("section", { class: "progress", "aria-label": "Status" }, this.body, this.path);

  /** `view` null: nothing was asked yet. */
  update(view: RunView | null, failed: boolean): void {
    const busy = view !== null && view.busy && !failed;
    this.body.hidden = !busy && (view === null || failed || view.run.status !== "completed");
    if (!view) return;
    this.element.classList.toggle("busy", busy);
    this.element.dataset["link"] = view.link;
    setText(this.label, view.label);
    setText(this.activity, this.detail(view));
    this.activity.title = this.detail(view);
    this.bar.hidden = !busy;
    this.element.classList.toggle("unknown", view.percent === null);
    setText(this.percent, busy && view.percent !== null ? `${Math.floor(view.percent)}%` : "");
    this.fill.style.width = `${view.percent ?? 100}%`;
    if (view.percent === null) this.bar.removeAttribute("aria-valuenow");
    else this.bar.setAttribute("aria-valuenow", String(Math.floor(view.percent)));
    this.bar.setAttribute("aria-valuetext", view.label);
  }

  set way(path: Path) {
    setText(this.path, path.kind === "direct" ? "Answers come by WebSocket" : `Answers are relayed by the editor: ${path.reason}`);
    this.path.title = path.kind === "direct" ? path.url : "";
  }

  private detail(view: RunView): string {
    if (view.link === "reconnecting") return view.trouble;
    return view.busy && view.activity !== view.label ? view.activity : "";
  }
}
