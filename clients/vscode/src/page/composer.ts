/** Where the question is written: text, attached selection, send and stop. */
import { button, h, setText } from "./dom.js";

export interface ComposerActions {
  send(text: string): void;
  stop(): void;
  dropContext(): void;
  decide(decision: "apply" | "discard"): void;
  /** Called with every change, so that a draft survives the page. */
  draft(text: string): void;
}

const MAX_HEIGHT = 240;

export class Composer {
  private readonly input = h("textarea", {
    rows: "2",
    placeholder: "Ask Oricode (Enter sends, Shift+Enter makes a new line)",
    "aria-label": "Your question",
    oninput: () => this.changed(),
    onkeydown: (event) => this.key(event as KeyboardEvent),
  });
  private readonly label = h("span");
  private readonly chip = h("div", { class: "chip", hidden: true }, this.label);
  private readonly proposed = h("span");
  private readonly proposal = h(
    "section",
    { class: "card proposal", role: "alertdialog", "aria-label": "Proposed change", hidden: true },
    h("p", {}, "Apply the proposed change to ", this.proposed, "?"),
    h(
      "div",
      { class: "buttons" },
      h("button", { type: "button", class: "primary", onclick: () => this.actions.decide("apply") }, "Apply"),
      h("button", { type: "button", class: "secondary", onclick: () => this.actions.decide("discard") }, "Discard"),
    ),
  );
  private readonly sendButton = h("button", { type: "submit", class: "primary" }, "Send");
  private readonly stopButton = h("button", { type: "button", class: "secondary", hidden: true, onclick: () => this.actions.stop() }, "Stop");
  readonly element = h(
    "form",
    { class: "composer", onsubmit: (event) => this.submit(event) },
    this.proposal,
    this.chip,
    this.input,
    h("div", { class: "buttons" }, this.stopButton, this.sendButton),
  );

  constructor(
    draft: string,
    private readonly actions: ComposerActions,
  ) {
    const drop = button("Remove the attached selection", () => actions.dropContext(), { class: "icon" });
    drop.append("✕");
    this.chip.append(drop);
    this.input.value = draft;
    this.changed();
  }

  set busy(busy: boolean) {
    this.stopButton.hidden = !busy;
  }

  set enabled(enabled: boolean) {
    this.input.disabled = !enabled;
    this.changed();
  }

  set context(label: string) {
    setText(this.label, label);
    this.chip.hidden = !label;
  }

  /** Whose change waits for a decision; empty: nobody's. */
  set change(label: string) {
    setText(this.proposed, label);
    this.proposal.hidden = !label;
  }

  focus(): void {
    this.input.focus();
  }

  private changed(): void {
    this.sendButton.disabled = this.input.disabled || !this.input.value.trim();
    this.input.style.height = "auto";
    this.input.style.height = `${Math.min(MAX_HEIGHT, this.input.scrollHeight)}px`;
    this.actions.draft(this.input.value);
  }

  private key(event: KeyboardEvent): void {
    if (event.key === "Escape" && !this.stopButton.hidden) this.actions.stop();
    // An Enter that ends the composition of a character is not one that sends.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    this.submit(event);
  }

  private submit(event: Event): void {
    event.preventDefault();
    const text = this.input.value.trim();
    if (!text || this.input.disabled) return;
    this.input.value = "";
    this.changed();
    this.actions.send(text);
  }
}
