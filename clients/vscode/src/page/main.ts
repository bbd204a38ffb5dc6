/** The chat page: shows the host's exchanges, follows live runs by itself where it can, and passes the user's wishes on. */
import { NEW_VIEW, reduceView, type OricodeEvent, type RunView } from "@oricode/client";
import type { Exchange, Path, ToPage } from "../shared/messages.js";
import { Announcer } from "./announcer.js";
import { Composer } from "./composer.js";
import { arrange, h } from "./dom.js";
import { ExchangeView } from "./exchange_view.js";
import { Follower } from "./follower.js";
import { Host } from "./host.js";
import { Progress } from "./progress.js";
import "./page.css";

/** Closer to the end than this, the reader is at the end and wants to stay there. */
const AT_END_PX = 40;

class Page {
  private readonly host = new Host((message) => this.receive(message));
  private readonly log = h("div", { class: "log", role: "log", "aria-live": "off", "aria-label": "Conversation", tabindex: "0" });
  private readonly welcome = h("section", { class: "welcome" });
  private readonly progress = new Progress();
  private readonly announcer = new Announcer();
  private readonly composer = new Composer(this.host.kept.draft, {
    send: (text) => {
      this.atEnd = true;
      this.host.send({ type: "ask", text });
    },
    stop: () => this.host.send({ type: "stop" }),
    decide: (decision) => this.host.send({ type: "decide", decision }),
    dropContext: () => this.host.send({ type: "command", command: "dropContext" }),
    draft: (draft) => this.host.keep({ draft }),
  });
  private exchanges: readonly Exchange[] = [];
  private readonly views = new Map<string, RunView>();
  private readonly rendered = new Map<string, ExchangeView>();
  private follower: Follower | null = null;
  private path: Path | null = null;
  private signedIn = true;
  private frame = 0;
  /** The reader is at the end and stays there while the answer grows. */
  private atEnd = true;

  constructor(root: HTMLElement) {
    this.log.addEventListener("scroll", () => (this.atEnd = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < AT_END_PX));
    new ResizeObserver(() => this.stay()).observe(this.log);
    root.append(this.log, this.progress.element, this.composer.element, this.announcer.element);
    this.host.send({ type: "ready" });
  }

  private receive(message: ToPage): void {
    switch (message.type) {
      case "conversation":
        this.signedIn = message.signedIn;
        this.composer.context = message.context;
        this.take(message.path);
        this.exchanges = message.exchanges;
        this.views.clear();
        message.exchanges.forEach((exchange) => this.adopt(exchange));
        break;
      case "exchange":
        this.exchanges = this.exchanges.some(({ id }) => id === message.exchange.id)
          ? this.exchanges.map((one) => (one.id === message.exchange.id ? message.exchange : one))
          : [...this.exchanges, message.exchange];
        this.adopt(message.exchange);
        break;
      case "event":
        this.reduce(message.exchange, message.event);
        break;
      case "context":
        this.composer.context = message.label;
        break;
      case "proposal":
        this.composer.change = message.label;
        break;
      case "focus":
        this.composer.focus();
        break;
      case "reply":
        break; // Host takes those
      default:
        message satisfies never;
    }
    this.draw();
  }

  /** Uses this way from now on. */
  private take(path: Path): void {
    if (JSON.stringify(path) === JSON.stringify(this.path)) return;
    this.follower?.close();
    this.path = path;
    this.follower = path.kind === "direct" ? this.newFollower(path.url, path.fallback) : null;
    this.progress.way = path;
  }

  private newFollower(url: string, fallback: boolean): Follower {
    return new Follower(url, fallback, {
      event: (exchange, event) => {
        this.reduce(exchange, event);
        this.draw();
      },
      blocked: (reason) => this.host.send({ type: "relay", reason }),
      ticket: () => this.host.ticket(),
    });
  }

  /** Takes the host's view of an exchange over, unless this page follows the run by itself. */
  private adopt(exchange: Exchange): void {
    const { id, runId, view, failure } = exchange;
    const live = view.busy && failure === null && runId !== null;
    if (!live) this.follower?.drop(id);
    if (!this.follower?.follows(id)) this.views.set(id, view);
    if (live) this.follower?.follow(id, runId);
  }

  private reduce(id: string, event: OricodeEvent): void {
    this.views.set(id, reduceView(this.views.get(id) ?? NEW_VIEW, event));
  }

  /** Once a frame, however many events came. A hidden page draws nothing. */
  private draw(): void {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.drawNow();
    });
  }

  private drawNow(): void {
    for (const id of this.rendered.keys()) if (!this.exchanges.some((exchange) => exchange.id === id)) this.rendered.delete(id);
    const elements = this.exchanges.map((exchange) => {
      const rendered = this.rendered.get(exchange.id) ?? this.newExchangeView(exchange.id);
      this.rendered.set(exchange.id, rendered);
      rendered.update(exchange, this.views.get(exchange.id) ?? exchange.view);
      return rendered.element;
    });
    arrange(this.log, elements.length ? elements : [this.drawWelcome()]);
    const current = this.exchanges.find(({ id, failure }) => !failure && this.views.get(id)?.busy) ?? this.exchanges.at(-1);
    const view = current ? (this.views.get(current.id) ?? null) : null;
    this.progress.update(view, current?.failure != null);
    if (current && view) this.announcer.update(current.id, view);
    this.composer.busy = view !== null && view.busy && !current?.failure;
    this.composer.enabled = this.signedIn;
    this.stay();
  }

  private stay(): void {
    if (this.atEnd) this.log.scrollTop = this.log.scrollHeight;
  }

  private drawWelcome(): HTMLElement {
    const signIn = h("button", { type: "button", class: "primary", onclick: () => this.host.send({ type: "command", command: "signIn" }) }, "Sign in");
    const settings = h("button", { type: "button", class: "link", onclick: () => this.host.send({ type: "command", command: "openSettings" }) }, "Open settings");
    this.welcome.replaceChildren(
      h("h2", {}, "Oricode"),
      h("p", {}, this.signedIn ? "Ask about your code, or let Oricode write, check and deploy it." : "Sign in with the key that your operator gave you."),
      ...(this.signedIn ? [] : [h("div", { class: "buttons" }, signIn)]),
      h("p", {}, settings),
    );
    return this.welcome;
  }

  private newExchangeView(id: string): ExchangeView {
    return new ExchangeView({
      insert: (code) => this.host.send({ type: "insert", code }),
      apply: (code) => this.host.send({ type: "apply", code }),
      copy: (code) => this.host.send({ type: "copy", code }),
      approve: (approvalId, decision) => this.host.send({ type: "approve", approvalId, decision }),
      rate: (rating) => this.host.send({ type: "rate", exchange: id, rating }),
      retry: () => this.host.send({ type: "retry", exchange: id }),
      signIn: () => this.host.send({ type: "command", command: "signIn" }),
    });
  }
}

new Page(document.getElementById("chat")!);
