/**
 * The conversation of a window: its exchanges, and the runs behind those that go on. Knows nothing of the editor.
 *
 * In: what the user does. Out: every change to `Listener`. Owns the runs it follows; `dispose` stops following, and the
 * runs go on at the service, to be taken up by `restore`.
 */
import { NEW_VIEW, OricodeClientError, reduceView, type ChatRun, type ClientTool, type OricodeClient, type OricodeEvent } from "@oricode/client";
import { KEY_FAILURES, type Exchange, type Failure } from "../shared/messages.js";
import { exchangesOf } from "./history.js";
import { restore, save, type Saved, type Start } from "./saved.js";

/** Fast enough for the status bar and for relaying, and a tenth of the events. */
const BATCH_MS = 100;
const PAGE = 100;
const MAX_PAGES = 20;

export interface Surroundings {
  client: OricodeClient;
  tools(): readonly ClientTool[];
  /** Empty: the service's default. */
  model(): string;
  memory: { load(): Saved | undefined; save(saved: Saved): void };
  newId(): string;
}

export interface Listener {
  /** All exchanges changed: another chat, or none. */
  replaced(): void;
  changed(exchange: Exchange): void;
  event(exchange: Exchange, event: OricodeEvent): void;
}

export class Conversation {
  private chat: string | null = null;
  private list: Exchange[] = [];
  private readonly runs = new Map<string, ChatRun>();
  private readonly starts = new Map<string, Start>();

  constructor(
    private readonly around: Surroundings,
    private readonly listener: Listener,
  ) {}

  get exchanges(): readonly Exchange[] {
    return this.list;
  }

  get chatId(): string | null {
    return this.chat;
  }

  /** The exchange that goes on, the earliest if several; null when none does. */
  get live(): Exchange | null {
    return this.list.find((exchange) => this.runs.has(exchange.id)) ?? null;
  }

  /** Asks; `attachment` is put before the question, and its `label` shown beside it. */
  ask(prompt: string, attachment?: { label: string; text: string }): void {
    const model = this.around.model();
    const body = {
      prompt: attachment ? `${attachment.text}\n\n${prompt}` : prompt,
      ...(this.chat ? { chat_id: this.chat } : {}),
      ...(model ? { model } : {}),
    };
    const exchange: Exchange = {
      id: this.around.newId(),
      prompt,
      context: attachment?.label ?? "",
      runId: null,
      view: NEW_VIEW,
      failure: null,
      rating: null,
    };
    this.list.push(exchange);
    this.start(exchange, { key: this.around.newId(), body });
  }

  /** Asks once more what failed. */
  retry(id: string): void {
    const exchange = this.find(id);
    if (!exchange || this.runs.has(id)) return;
    if (exchange.failure && exchange.runId) {
      this.update(id, { failure: null });
      return this.follow(exchange, this.attach(exchange.runId));
    }
    const start = this.starts.get(id);
    const body = start?.body ?? { prompt: exchange.prompt, ...(this.chat ? { chat_id: this.chat } : {}) };
    this.start(this.update(id, { runId: null, view: NEW_VIEW, failure: null, rating: null })!, { key: this.around.newId(), body });
  }

  /** Ends every run of this conversation at the service. */
  async stop(): Promise<void> {
    await Promise.all([...this.runs.values()].map((run) => run.cancel()));
  }

  async approve(approvalId: string, decision: "approve" | "deny"): Promise<void> {
    const waiting = this.list.find((exchange) => exchange.view.run.approvals.some((approval) => approval.approval_id === approvalId));
    await this.runs.get(waiting?.id ?? "")?.approve(approvalId, decision);
  }

  async rate(id: string, rating: "up" | "down"): Promise<void> {
    const exchange = this.find(id);
    if (!exchange?.runId) return;
    await this.around.client.feedback(exchange.runId, rating);
    this.update(id, { rating });
  }

  /** Leaves this chat for a new one. Runs that go on do so unseen. */
  clear(): void {
    this.replace(null, []);
  }

  /** Shows a stored chat, and follows its run if one goes on. */
  async open(chatId: string, liveRun: string | null): Promise<void> {
    const { exchanges, livePrompt } = exchangesOf(await this.messages(chatId), liveRun);
    this.replace(chatId, exchanges);
    if (liveRun === null) return;
    const exchange: Exchange = { id: liveRun, prompt: livePrompt, context: "", runId: liveRun, view: NEW_VIEW, failure: null, rating: null };
    this.list.push(exchange);
    this.follow(exchange, this.attach(liveRun));
  }

  /** Fills in what was not kept over a reload (tool calls, thoughts), as far as the service still has it. */
  async refresh(): Promise<void> {
    if (!this.chat || !this.list.some((exchange) => !exchange.view.busy)) return;
    const { exchanges } = exchangesOf(await this.messages(this.chat), null);
    const stored = new Map(exchanges.map((exchange) => [exchange.runId, exchange.view]));
    for (const { id, runId, view } of this.list) {
      const whole = stored.get(runId);
      if (whole && runId && view.run.status === "completed") this.update(id, { view: whole });
    }
  }

  private async messages(chatId: string): Promise<object[]> {
    const messages: object[] = [];
    let after: string | undefined;
    for (let page = 0; page < MAX_PAGES; page++) {
      const answer = await this.around.client.messages(chatId, { limit: PAGE, ...(after ? { after } : {}) });
      messages.push(...((answer["messages"] ?? []) as object[]));
      after = typeof answer["next"] === "string" ? answer["next"] : undefined;
      if (!after) break;
    }
    return messages;
  }

  /** Takes up what a reload of the window interrupted. */
  restore(): void {
    const saved = this.around.memory.load();
    if (!saved) return;
    this.chat = saved.chatId;
    this.list = saved.exchanges.map(restore);
    this.listener.replaced();
    saved.exchanges.forEach(({ id, runId, start, ended, failure }) => {
      const exchange = this.find(id)!;
      if (ended || failure) return;
      if (runId) this.follow(exchange, this.attach(runId));
      else if (start) this.start(exchange, start);
    });
  }

  /** Follows again what could not be followed for lack of a good key. */
  resumeAfterSignIn(): void {
    for (const { id, failure } of this.list) if (failure && KEY_FAILURES.has(failure.code)) this.retry(id);
  }

  dispose(): void {
    for (const run of this.runs.values()) run.close();
    this.runs.clear();
  }

  private start(exchange: Exchange, start: Start): void {
    this.starts.set(exchange.id, start);
    const { prompt = "", ...fields } = start.body;
    const options = { ...fields, tools: this.around.tools(), approvals: true, batch_ms: BATCH_MS, idempotency_key: start.key };
    this.follow(exchange, this.around.client.chat(prompt, options));
  }

  private attach(runId: string): ChatRun {
    return this.around.client.attach(runId, { from: "snapshot", batch_ms: BATCH_MS, tools: this.around.tools() });
  }

  private follow({ id }: Exchange, run: ChatRun): void {
    this.runs.set(id, run);
    run.on("*", (_data, event) => {
      const before = this.find(id);
      if (!before || this.runs.get(id) !== run) return;
      const exchange = this.put({ ...before, runId: run.runId, view: reduceView(before.view, event) });
      this.listener.event(exchange, event);
      if (run.chatId && this.chat === null) this.chat = run.chatId;
      if (event.event === "connected") {
        this.listener.changed(exchange);
        this.remember();
      }
    });
    this.listener.changed(this.find(id)!);
    this.remember();
    const ended = (failure: Failure | null) => {
      if (this.runs.get(id) !== run) return; // another chat was opened meanwhile
      this.runs.delete(id);
      const exchange = this.find(id);
      if (exchange) this.update(id, { failure });
    };
    run.ended().then(
      () => ended(null),
      (error: unknown) => ended(failureOf(error)),
    );
  }

  private find(id: string): Exchange | undefined {
    return this.list.find((exchange) => exchange.id === id);
  }

  private put(exchange: Exchange): Exchange {
    this.list = this.list.map((one) => (one.id === exchange.id ? exchange : one));
    return exchange;
  }

  private update(id: string, change: Partial<Exchange>): Exchange | undefined {
    const before = this.find(id);
    if (!before) return undefined;
    const exchange = this.put({ ...before, ...change });
    this.listener.changed(exchange);
    this.remember();
    return exchange;
  }

  private replace(chatId: string | null, exchanges: Exchange[]): void {
    this.dispose();
    this.starts.clear();
    this.chat = chatId;
    this.list = exchanges;
    this.listener.replaced();
    this.remember();
  }

  private remember(): void {
    this.around.memory.save(save(this.chat, this.list, this.starts));
  }
}

/** What the service says to programmers, said to the person whose key it is. */
const TO_PEOPLE: Record<string, string> = {
  unauthorized: "The service does not accept your key. Sign in with another one.",
  key_revoked: "Your key was revoked. Sign in with a new one.",
};

export function failureOf(error: unknown): Failure {
  if (error instanceof OricodeClientError) {
    return { code: error.code, message: TO_PEOPLE[error.code] ?? error.message, retryable: error.retryable };
  }
  return { code: "internal", message: error instanceof Error ? error.message : String(error), retryable: false };
}
