/** One exchange on the page: the question, and the answer as it grows. */
import { toolTitle, type Block, type RunView } from "@oricode/client";
import { KEY_FAILURES, type Exchange } from "../shared/messages.js";
import { arrange, h, setText } from "./dom.js";
import { Markdown, type CodeActions } from "./markdown.js";
import { ToolCard } from "./tool_card.js";

export interface ExchangeActions extends CodeActions {
  approve(approvalId: string, decision: "approve" | "deny"): void;
  rate(rating: "up" | "down"): void;
  retry(): void;
  signIn(): void;
}

export class ExchangeView {
  private readonly question = h("div", { class: "prompt" });
  private readonly context = h("div", { class: "context" });
  private readonly blocks = h("div", { class: "blocks" });
  private readonly footer = h("div", { class: "footer" });
  readonly element = h(
    "article",
    {},
    h("div", { class: "question", role: "group", "aria-label": "You" }, this.context, this.question),
    h("div", { class: "answer", role: "group", "aria-label": "Oricode" }, this.blocks, this.footer),
  );
  /** By message, block and attempt: a voided attempt's elements are not taken over. */
  private readonly parts = new Map<string, Part>();
  private readonly cards = new Map<string, HTMLElement>();

  constructor(private readonly actions: ExchangeActions) {}

  /** `view` is what this page knows of the run; it may be ahead of the host's. */
  update(exchange: Exchange, view: RunView): void {
    setText(this.question, exchange.prompt);
    setText(this.context, exchange.context);
    this.context.hidden = !exchange.context;
    this.element.ariaBusy = String(view.busy && !exchange.failure);
    this.updateBlocks(view);
    arrange(this.footer, this.footerParts(exchange, view));
  }

  private updateBlocks({ run }: RunView): void {
    const used = new Set<string>();
    const elements = run.messages.flatMap(({ message_id, attempt, complete, blocks }) =>
      blocks.map((block) => {
        const key = `${message_id} ${attempt} ${block.index} ${block.type}`;
        used.add(key);
        const part = this.parts.get(key) ?? this.newPart(block);
        this.parts.set(key, part);
        part.update(block, run, complete);
        return part.element;
      }),
    );
    for (const key of this.parts.keys()) if (!used.has(key)) this.parts.delete(key);
    arrange(this.blocks, elements);
  }

  private newPart({ type }: Block): Part {
    if (type === "tool_use") return new ToolPart();
    return type === "thinking" ? new ThinkingPart() : new TextPart(this.actions);
  }

  private footerParts(exchange: Exchange, view: RunView): HTMLElement[] {
    const approvals = exchange.failure ? [] : view.run.approvals.map((approval) => this.approvalCard(approval, view));
    return [...approvals, ...this.ending(exchange, view)];
  }

  private ending(exchange: Exchange, view: RunView): HTMLElement[] {
    const { failure, rating } = exchange;
    const error = failure ?? (view.run.status === "failed" ? { code: view.run.error?.code ?? "", message: view.label } : null);
    if (error) return [this.keep(`error ${error.code} ${error.message}`, () => this.errorCard(error))];
    if (view.run.status === "cancelled") return [this.keep("stopped", () => h("p", { class: "note" }, "Stopped."))];
    if (view.run.status !== "completed" || !exchange.runId) return [];
    return [this.keep(`rating ${rating}`, () => this.ratingRow(rating))];
  }

  /** The element of that name, made once. */
  private keep(name: string, make: () => HTMLElement): HTMLElement {
    const element = this.cards.get(name) ?? make();
    this.cards.set(name, element);
    return element;
  }

  private approvalCard({ approval_id, tool_call_id, reason }: RunView["run"]["approvals"][number], { run }: RunView): HTMLElement {
    const call = run.tool_calls.find((one) => one.tool_call_id === tool_call_id);
    const input = call?.input ? JSON.stringify(call.input) : (call?.partial_json ?? "");
    return this.keep(`approval ${approval_id}`, () => {
      const card = h("section", { class: "card approval", role: "alertdialog", "aria-label": "Approval" });
      const decide = (decision: "approve" | "deny") => () => {
        card.querySelectorAll("button").forEach((one) => (one.disabled = true));
        this.actions.approve(approval_id, decision);
      };
      card.append(
        h("p", {}, h("strong", {}, `Your approval: ${toolTitle(call?.name)}`)),
        h("p", {}, reason),
        h("pre", { tabindex: "0", "aria-label": "What it was called with" }, readable(input)),
        h(
          "div",
          { class: "buttons" },
          h("button", { type: "button", class: "primary", onclick: decide("approve") }, "Approve"),
          h("button", { type: "button", class: "secondary", onclick: decide("deny") }, "Deny"),
        ),
      );
      return card;
    });
  }

  private errorCard({ code, message }: { code: string; message: string }): HTMLElement {
    const again = KEY_FAILURES.has(code)
      ? h("button", { type: "button", class: "primary", onclick: () => this.actions.signIn() }, "Sign in")
      : h("button", { type: "button", class: "secondary", onclick: () => this.actions.retry() }, "Try again");
    return h("section", { class: "card error", role: "alert" }, h("p", {}, message), h("div", { class: "buttons" }, again));
  }

  private ratingRow(rating: Exchange["rating"]): HTMLElement {
    const vote = (value: "up" | "down", label: string) =>
      h("button", { type: "button", class: "icon", "aria-pressed": String(rating === value), onclick: () => this.actions.rate(value) }, label);
    return h("div", { class: "rating" }, vote("up", "Helpful"), vote("down", "Not helpful"));
  }
}

/** A tool's input for people; as it is when it is not whole. */
function readable(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json; // still being written
  }
}

interface Part {
  readonly element: HTMLElement;
  update(block: Block, run: RunView["run"], complete: boolean): void;
}

class TextPart implements Part {
  private readonly markdown: Markdown;

  constructor(actions: CodeActions) {
    this.markdown = new Markdown(actions);
  }

  get element(): HTMLElement {
    return this.markdown.element;
  }

  update(block: Block): void {
    if ("text" in block) this.markdown.update(block.text);
  }
}

class ThinkingPart implements Part {
  private readonly text = h("p");
  private readonly summary = h("summary");
  readonly element = h("details", { class: "thinking" }, this.summary, this.text);

  update(block: Block, _run: RunView["run"], complete: boolean): void {
    if ("text" in block) setText(this.text, block.text);
    setText(this.summary, complete ? "Thoughts" : "Thinking…");
  }
}

class ToolPart implements Part {
  private readonly card = new ToolCard();
  readonly element = this.card.element;

  update(block: Block, run: RunView["run"]): void {
    const call = run.tool_calls.find((one) => block.type === "tool_use" && one.tool_call_id === block.tool_call_id);
    const asked = run.approvals.some((approval) => approval.tool_call_id === call?.tool_call_id);
    if (call) this.card.update(call, asked);
  }
}
