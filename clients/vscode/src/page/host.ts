/** The way to the extension host: typed messages, and requests that are answered or time out. */
import { ConnectionLost, RequestRefused } from "@oricode/client";
import type { FromPage, ToPage } from "../shared/messages.js";

const REQUEST_MS = 15_000;

/** What the page keeps over being hidden; the conversation itself is kept by the host. */
export interface Kept {
  draft: string;
}

interface Waiting {
  resolve(value: string): void;
  reject(error: Error): void;
}

export class Host {
  private readonly api = acquireVsCodeApi<Kept>();
  private readonly waiting = new Map<number, Waiting>();
  private refs = 0;

  constructor(received: (message: ToPage) => void) {
    window.addEventListener("message", ({ data }: MessageEvent<ToPage>) => {
      if (data.type === "reply") this.settle(data);
      else received(data);
    });
  }

  send(message: FromPage): void {
    this.api.postMessage(message);
  }

  /** A one-use ticket for a WebSocket; the key itself never comes here. */
  ticket(): Promise<string> {
    const ref = ++this.refs;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(ref);
        reject(new ConnectionLost("The editor did not answer in time.", "timed_out"));
      }, REQUEST_MS);
      const done = <T>(finish: (value: T) => void) => (value: T) => {
        clearTimeout(timer);
        finish(value);
      };
      this.waiting.set(ref, { resolve: done(resolve), reject: done(reject) });
      this.send({ type: "ticket", ref });
    });
  }

  get kept(): Kept {
    return this.api.getState() ?? { draft: "" };
  }

  keep(kept: Kept): void {
    this.api.setState(kept);
  }

  private settle(reply: Extract<ToPage, { type: "reply" }>): void {
    const waiting = this.waiting.get(reply.ref);
    this.waiting.delete(reply.ref);
    if ("value" in reply) waiting?.resolve(reply.value);
    else {
      const { code, message, retryable } = reply.failure;
      waiting?.reject(retryable ? new ConnectionLost(message) : new RequestRefused(code, message));
    }
  }
}
