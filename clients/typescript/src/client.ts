/** The door to a service: starts runs, takes up running ones, and asks what is stored. */
import { ChatRun } from "./run.js";
import type { Credential } from "./frames.js";
import type { ChatCommand, JsonObject } from "./generated/events.js";
import { Http } from "./http.js";
import { REAL_TIMING, type Timing } from "./timing.js";
import type { ClientTool } from "./tools.js";
import { JsonTransport } from "./transports/json.js";
import type { Place, Transport } from "./transports/port.js";
import type { WebSocketClass } from "./transports/socket.js";
import { SseTransport } from "./transports/sse.js";
import { WebSocketTransport } from "./transports/websocket.js";

export type TransportName = "sse" | "websocket" | "json";

export interface ClientOptions {
  /** `sse` by default: it needs nothing but `fetch`. */
  transport?: TransportName;
  /** Sent with every run, for example `vscode`. */
  clientType?: string;
  /** A one-use ticket for each WebSocket, so that a page needs no key. */
  ticket?: () => Promise<string>;
  /** For platforms without a global `WebSocket` (Node.js before 22): that of the package `ws`. */
  WebSocket?: WebSocketClass;
  fetch?: typeof fetch;
  /** Milliseconds; 15,000 by default. */
  requestTimeoutMs?: number;
  /** How long a new connection may stay silent, in milliseconds; 20,000 by default. */
  connectTimeoutMs?: number;
  /** How long the service may stay out of reach before reading a run gives up; 300,000 by default, Infinity = never. */
  patienceMs?: number;
  /** The same for starting a run and for commands, where somebody waits for the answer; 30,000 by default. */
  startPatienceMs?: number;
  timing?: Timing;
}

export interface ChatOptions extends Omit<ChatCommand, "prompt" | "stream" | "tools"> {
  /** Tools that run here; each call of the model is answered by the function's result. */
  tools?: readonly ClientTool[];
}

export interface AttachOptions {
  /** The last id seen; reading goes on behind it (the fold then lacks what was before). */
  after?: string;
  /** Begin with what is folded so far instead of the first event. */
  from?: "snapshot";
  batch_ms?: number;
  tools?: readonly ClientTool[];
}

export class OricodeClient {
  private readonly http: Http;
  private readonly transport: Transport;
  private readonly timing: Timing;

  /** `key` may be a function that fetches it, for example from a secret store. */
  constructor(
    url: string,
    private readonly key: string | (() => string | Promise<string>),
    private readonly options: ClientOptions = {},
  ) {
    this.timing = options.timing ?? REAL_TIMING;
    this.http = new Http({
      url,
      key: () => (typeof this.key === "string" ? this.key : this.key()),
      fetch: options.fetch ?? globalThis.fetch,
      timing: this.timing,
      requestTimeoutMs: options.requestTimeoutMs ?? 15_000,
    });
    this.transport = this.makeTransport(options.transport ?? "sse");
  }

  /** Starts a run. It is acknowledged later: see `run.runId` and the event `connected`. */
  chat(prompt: string, options: ChatOptions = {}): ChatRun {
    const { tools = [], idempotency_key, ...fields } = options;
    const { clientType } = this.options;
    const body: ChatCommand = {
      prompt,
      ...(clientType === undefined ? {} : { client_type: clientType }),
      ...fields,
      ...(tools.length ? { tools: tools.map(({ name, description, input_schema }) => ({ name, description, input_schema })) } : {}),
    };
    const start = { body, idempotencyKey: idempotency_key ?? randomKey() };
    return this.follow({ start, batchMs: fields.batch_ms }, tools);
  }

  /** Takes up a run that was started earlier, here or elsewhere. */
  attach(runId: string, options: AttachOptions = {}): ChatRun {
    const { after, batch_ms, tools = [] } = options;
    const from = after !== undefined ? { after } : { fromSnapshot: options.from === "snapshot" };
    return this.follow({ run: runId, ...from, batchMs: batch_ms }, tools);
  }

  /** The whole answer, in one call; options as for `chat`. Rejects when the run did not complete. */
  ask(prompt: string, options: ChatOptions = {}): Promise<string> {
    return this.chat(prompt, options).result();
  }

  // What the service keeps; the answers are PROTOCOL.md's documents.

  /** The run's document: status, text, usage, pending approvals and tool calls. */
  run(runId: string): Promise<JsonObject> {
    return this.http.json(`/api/runs/${encodeURIComponent(runId)}`);
  }

  /** Ends a run; harmless when it has ended. */
  async cancel(runId: string): Promise<void> {
    await this.http.json(`/api/runs/${encodeURIComponent(runId)}/cancel`, { method: "POST" });
  }

  /** Stored chats, the latest first; `before` is the `next` of the page before. */
  chats(page: { limit?: number; before?: string } = {}): Promise<JsonObject> {
    return this.http.json(`/api/chats${query(page)}`);
  }

  /** A chat with its messages, the oldest first; `after` is the `next` of the page before. */
  messages(chatId: string, page: { limit?: number; after?: string } = {}): Promise<JsonObject> {
    return this.http.json(`/api/chats/${encodeURIComponent(chatId)}${query(page)}`);
  }

  renameChat(chatId: string, title: string): Promise<JsonObject> {
    return this.http.json(`/api/chats/${encodeURIComponent(chatId)}`, { method: "PATCH", body: { title } });
  }

  /** A live run of the chat is cancelled first. */
  async deleteChat(chatId: string): Promise<void> {
    await this.http.json(`/api/chats/${encodeURIComponent(chatId)}`, { method: "DELETE" });
  }

  /** How satisfied the person was with a run; the last word counts. */
  async feedback(runId: string, rating: "up" | "down", comment?: string): Promise<void> {
    const body = { rating, ...(comment === undefined ? {} : { comment }) };
    await this.http.json(`/api/runs/${encodeURIComponent(runId)}/feedback`, { method: "POST", body });
  }

  /** Names of the models, and which is the default. */
  models(): Promise<JsonObject> {
    return this.http.json("/api/models");
  }

  /** A one-use, 30-second ticket for one WebSocket. */
  async ticket(): Promise<string> {
    return String((await this.http.json("/api/tickets", { method: "POST", body: {} }))["ticket"]);
  }

  /** The stored programs. */
  programs(): Promise<JsonObject> {
    return this.http.json("/api/programs");
  }

  /** One stored program with its source. */
  program(name: string): Promise<JsonObject> {
    return this.http.json(`/api/programs/${encodeURIComponent(name)}`);
  }

  private follow(place: Place, tools: readonly ClientTool[]): ChatRun {
    const { connectTimeoutMs = 20_000, startPatienceMs = 30_000, patienceMs = 300_000 } = this.options;
    const feedback = this.feedback.bind(this);
    return new ChatRun(this.transport, place, { timing: this.timing, connectTimeoutMs, startPatienceMs, patienceMs, tools, feedback });
  }

  private makeTransport(name: TransportName): Transport {
    if (name === "sse") return new SseTransport(this.http);
    if (name === "json") return new JsonTransport(this.http, this.timing);
    const { ticket, requestTimeoutMs = 15_000 } = this.options;
    const WebSocket = this.options.WebSocket ?? (globalThis as { WebSocket?: WebSocketClass }).WebSocket;
    if (!WebSocket) throw new TypeError("This platform has no WebSocket: pass one as an option, or choose another transport.");
    const credential = async (): Promise<Credential> => (ticket ? { ticket: await ticket() } : { key: await this.http.key() });
    const probe = async () => ticket ?? (await this.models()); // who has tickets just got one: the key is good
    return new WebSocketTransport(this.http, { WebSocket, credential, probe, timing: this.timing, requestTimeoutMs });
  }
}

function query(fields: Record<string, string | number | undefined>): string {
  const present = Object.entries(fields).filter(([, value]) => value !== undefined);
  return present.length ? `?${new URLSearchParams(present.map(([name, value]) => [name, String(value)]))}` : "";
}

/** 128 random bits. `crypto.randomUUID` is missing on pages that are not a secure context. */
function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
