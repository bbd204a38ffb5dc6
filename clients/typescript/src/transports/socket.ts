/**
 * One WebSocket connection: opens within a time limit, matches replies to commands, queues event frames.
 *
 * A browser's WebSocket has no back-pressure. When nobody takes the frames, the connection is closed at a limit and the
 * run is resumed later, behind the last event that was taken: memory stays bounded and nothing is lost.
 */
import { ConnectionLost, ProtocolViolation, closing, refusal, type OricodeClientError } from "../errors.js";
import { isReply, parseFrame, type EventFrame } from "../frames.js";
import type { JsonObject } from "../generated/events.js";
import { Queue } from "../queue.js";
import { withTimeout, type Timing } from "../timing.js";

const MAX_WAITING_FRAMES = 10_000;

/** The part of the standard WebSocket that is used; Node's and a browser's have it, and so has the package `ws`. */
export interface WebSocketLike {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

export type WebSocketClass = new (url: string, protocols: string[]) => WebSocketLike;

interface Waiting {
  resolve: (data: JsonObject) => void;
  reject: (error: OricodeClientError) => void;
}

export class Socket {
  private readonly frames = new Queue<EventFrame>();
  private readonly waiting = new Map<string, Waiting>();
  private refs = 0;
  private over: OricodeClientError | null = null;
  private constructor(
    private readonly socket: WebSocketLike,
    private readonly timing: Timing,
    private readonly requestTimeoutMs: number,
    heard: () => void,
  ) {
    socket.onmessage = (event: { data: unknown }) => {
      heard();
      this.receive(event.data);
    };
    socket.onclose = (event: { code: number; reason: string }) => this.finish(closing(event.code, event.reason));
    socket.onerror = (event: { message?: string }) =>
      this.finish(new ConnectionLost(event.message || "The WebSocket could not be opened or broke."));
  }

  /** Resolves once the connection is open. A blocked one (CSP, mixed content) may never say so: `signal` bounds it. */
  static async open(
    make: () => WebSocketLike,
    signal: AbortSignal,
    timing: Timing,
    requestTimeoutMs: number,
    heard: () => void,
  ): Promise<Socket> {
    const raw = make();
    const socket = new Socket(raw, timing, requestTimeoutMs, heard);
    await new Promise<void>((resolve, reject) => {
      socket.onOver = reject;
      raw.onopen = () => {
        heard();
        resolve();
      };
      const abort = () => socket.close(signal.reason as OricodeClientError);
      if (signal.aborted) abort();
      else signal.addEventListener("abort", abort, { once: true });
    });
    return socket;
  }

  private onOver: (error: OricodeClientError) => void = () => {};

  /** Sends a command; resolves with the reply's data, rejects when it is refused, late, or the connection ends. */
  request(command: string, data: object): Promise<JsonObject> {
    if (this.over) return Promise.reject(this.over);
    const ref = String(++this.refs);
    const reply = new Promise<JsonObject>((resolve, reject) => {
      this.waiting.set(ref, { resolve, reject });
      this.socket.send(JSON.stringify({ command, ref, data }));
    });
    const late = () => {
      this.waiting.delete(ref);
      return new ConnectionLost(`The service did not answer "${command}" in time.`, "timed_out");
    };
    return withTimeout(this.timing, this.requestTimeoutMs, reply, late);
  }

  /** The next event frame; rejects with what ended the connection. */
  async next(): Promise<EventFrame> {
    const result = await this.frames.next();
    if (result.done) throw this.over!;
    return result.value;
  }

  close(reason: OricodeClientError = new ConnectionLost("The connection was closed here.")): void {
    this.finish(reason);
  }

  private receive(data: unknown): void {
    if (this.over) return;
    try {
      const frame = parseFrame(String(data));
      if (!isReply(frame)) {
        this.frames.push(frame);
        if (this.frames.size > MAX_WAITING_FRAMES) this.close(new ConnectionLost("The answer came faster than it was read."));
        return;
      }
      const waiting = this.waiting.get(frame.ref);
      this.waiting.delete(frame.ref);
      if (frame.ok) waiting?.resolve(frame.data ?? {});
      else waiting?.reject(refusal(Number(frame.error?.["status"] ?? 400), frame.error));
    } catch (thrown) {
      if (!(thrown instanceof ProtocolViolation)) throw thrown;
      this.close(thrown);
    }
  }

  private finish(error: OricodeClientError): void {
    if (this.over) return;
    this.over = error;
    this.onOver(error);
    for (const waiting of this.waiting.values()) waiting.reject(error);
    this.waiting.clear();
    this.frames.end();
    this.socket.close();
  }
}
