/**
 * A service that plays a script a connection, over SSE and WebSocket alike, and remembers what it was asked.
 *
 *     const service = await ScriptedService.start([
 *       [connected(), content(1, "Hello"), drop],
 *       [connected("replay"), content(2, " world"), ...ending(3)],
 *     ]);
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { WebSocketServer, type WebSocket } from "ws";

export const RUN = "run_Test000000000000000001";
export const CHAT = "chat_Test00000000000000001";

type Json = Record<string, unknown>;
export interface SentEvent {
  event: string;
  data: Json;
  id?: string;
}

/** A step of a script. Functions act on the connection; the rest are events. */
export type Step = SentEvent | ((wire: Wire) => void | Promise<void>) | Refusal;
interface Refusal {
  status: number;
  problem: Json;
  headers?: Record<string, string>;
}

export interface Wire {
  /** Bytes as they are: half an event, white space. Over WebSocket there are no half events; nothing is sent. */
  raw(text: string): void;
  drop(): void | Promise<void>;
  end(): void;
}

/** What a client asked: an HTTP request or a WebSocket command. */
export interface Asked {
  what: string;
  data: Json;
  headers: IncomingMessage["headers"];
  url: string;
}

export const connected = (resume = "new", more: Json = {}): SentEvent => ({
  event: "connected",
  data: { message: "Connected to Oricode AI", run_id: RUN, chat_id: CHAT, protocol: 1, heartbeat_ms: 15_000, resume, ...more },
});
export const heartbeat: SentEvent = { event: "heartbeat", data: { timestamp: 1, state: "model", quiet_ms: 15_000 } };
export const event = (seq: number, name: string, data: Json): SentEvent => ({ id: `${RUN}.1.${seq}`, event: name, data });
export const messageStart = (seq: number): SentEvent =>
  event(seq, "message_start", { message: "Message started", message_id: "msg_1", turn: 1, attempt: 1, model: "demo" });
export const content = (seq: number, text: string): SentEvent => event(seq, "content", { text, index: 0 });
export const done = (seq: number, status = "completed"): SentEvent => event(seq, "done", { message: "Done", status, usage: { output_tokens: 2 } });
export const drop: Step = async (wire) => wire.drop();
/** A clean end of the stream, which is no end of the run. */
export const end: Step = (wire) => wire.end();
/** Keeps the connection open and says nothing more. */
export const silence: Step = () => {};
export const refuse = (status: number, code: string, retryable: boolean, more: Json = {}, headers = {}): Refusal => ({
  status,
  problem: { code, detail: `Refused: ${code}.`, retryable, status, ...more },
  headers,
});

export class ScriptedService {
  readonly asked: Asked[] = [];
  /** Answers to commands by name, in order; `{}` when none is left. `drop` drops the connection instead of answering. */
  readonly answers: Record<string, (Json | Refusal | "drop")[]> = {};
  private readonly server = createServer((request, response) => void this.http(request, response));
  private readonly sockets = new Set<Socket>();
  private watchers: (() => void)[] = [];

  private constructor(private readonly scripts: Step[][]) {
    this.server.on("connection", (socket) => {
      this.sockets.add(socket);
      socket.on("close", () => {
        this.sockets.delete(socket);
        this.changed();
      });
    });
    const sockets = new WebSocketServer({ server: this.server, path: "/api/ws", handleProtocols: () => "oricode.v1" });
    sockets.on("connection", (socket, request) => this.webSocket(socket, request));
  }

  static async start(scripts: Step[][]): Promise<ScriptedService> {
    const service = new ScriptedService(scripts);
    await new Promise<void>((resolve) => service.server.listen(0, "127.0.0.1", resolve));
    return service;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get openConnections(): number {
    return this.sockets.size;
  }

  /** Resolves when `condition` holds; asked again whenever a request or command arrives or a connection closes. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.watchers.push(resolve));
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private note(asked: Asked): void {
    this.asked.push(asked);
    this.changed();
  }

  private changed(): void {
    for (const watcher of this.watchers.splice(0)) watcher();
  }

  private async http(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://service");
    const command = /\/(cancel|tool_results|approvals)/.exec(pathname)?.[1];
    const stream = pathname === "/api/chat" || pathname.endsWith("/events");
    const data = { ...Object.fromEntries(searchParams), ...(text ? (JSON.parse(text) as Json) : {}) };
    this.note({ what: command ?? (stream ? pathname.replace(/.*\//, "") : pathname), data, headers: request.headers, url: request.url ?? "" });
    const answer = stream ? this.scripts.shift() : [this.answers[command ?? pathname]?.shift() ?? {}];
    const first = answer?.[0];
    if (first === "drop") return void request.socket.destroy();
    if (answer === undefined) return void response.writeHead(500).end("The script is over.");
    if (first && "status" in (first as Refusal) && typeof (first as Refusal).status === "number") return problem(response, first as Refusal);
    if (!stream || (data as { stream?: unknown }).stream === false) return this.document(response, answer as Step[]);
    await this.eventStream(request, response, answer as Step[]);
  }

  private async eventStream(request: IncomingMessage, response: ServerResponse, script: Step[]): Promise<void> {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    let written = Promise.resolve();
    const write = (text: string) => {
      written = new Promise((resolve) => response.write(text, () => resolve()));
    };
    const wire: Wire = {
      raw: write,
      drop: async () => {
        await written;
        for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve)); // the client reads it
        request.socket.destroy();
      },
      end: () => void response.end(),
    };
    await play(script, wire, (sent) => {
      write(`${sent.id ? `id: ${sent.id}\n` : ""}event: ${sent.event}\ndata: ${JSON.stringify(sent.data)}\n\n`);
    });
  }

  /** The JSON way: an object is the document, a string is white space sent before it. */
  private async document(response: ServerResponse, script: Step[]): Promise<void> {
    response.writeHead(200, { "Content-Type": "application/json" });
    const wire: Wire = { raw: (text) => void response.write(text), drop: () => void response.socket?.destroy(), end: () => void response.end() };
    for (const step of script) {
      if (typeof step === "function") await step(wire);
      else response.end(JSON.stringify(step));
    }
  }

  private webSocket(socket: WebSocket, request: IncomingMessage): void {
    const send = (value: unknown) => socket.send(JSON.stringify(value));
    send({ event: "connected", data: { message: "Connected to Oricode AI", protocol: 1, heartbeat_ms: 15_000 } });
    const wire: Wire = { raw: () => {}, drop: () => socket.terminate(), end: () => socket.close(1012) };
    socket.on("message", (message) => {
      const { command, ref, data } = JSON.parse(String(message)) as { command: string; ref: string; data: Json };
      this.note({ what: command, data, headers: request.headers, url: request.url ?? "" });
      if (command !== "chat" && command !== "attach") {
        const answer = this.answers[command]?.shift() ?? {};
        if (answer === "drop") return socket.terminate();
        const refused = typeof (answer as Refusal).status === "number" && "problem" in answer;
        return send(refused ? { ref, ok: false, error: (answer as Refusal).problem } : { ref, ok: true, data: answer });
      }
      const script = this.scripts.shift() ?? [refuse(500, "internal", true)];
      const first = script[0];
      const ended = script === ENDED;
      if (!ended && first && "status" in first) return send({ ref, ok: false, error: { ...first.problem } });
      send({ ref, ok: true, data: { run_id: RUN, chat_id: CHAT, ended } });
      void play(script, wire, (sent) => send({ ...(sent.id ? { id: sent.id } : {}), run: RUN, event: sent.event, data: sent.data }));
    });
  }
}

/** The cursor was at the end of the run: 204, or a reply that says so. */
export const ENDED: Step[] = [{ status: 204, problem: {} }];

function problem(response: ServerResponse, { status, problem, headers }: Refusal): void {
  if (status === 204) return void response.writeHead(204).end();
  response.writeHead(status, { "Content-Type": "application/problem+json", ...headers }).end(JSON.stringify(problem));
}

async function play(script: Step[], wire: Wire, send: (event: SentEvent) => void): Promise<void> {
  for (const step of script) {
    if (typeof step === "function") await step(wire);
    else if ("event" in step) send(step);
  }
}
