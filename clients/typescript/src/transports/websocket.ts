/** WebSocket: one connection a run, which carries its events one way and its commands the other. */
import { ConnectionLost, RequestRefused, type OricodeClientError } from "../errors.js";
import { SUBPROTOCOL, credentialSubprotocol, type Credential } from "../frames.js";
import type { CommandData, JsonObject } from "../generated/events.js";
import type { Http } from "../http.js";
import type { Link } from "../link.js";
import type { Timing } from "../timing.js";
import type { Place, Received, RunCommand, StreamEnd, Transport } from "./port.js";
import { Socket, type WebSocketClass } from "./socket.js";

export interface WebSocketOptions {
  WebSocket: WebSocketClass;
  /** Asked anew for every connection, as a ticket is good for one. */
  credential: () => Credential | Promise<Credential>;
  /** A plain request, asked when a connection fails to open: pages are not told why, and it may be the key. */
  probe: () => Promise<unknown>;
  timing: Timing;
  requestTimeoutMs: number;
}

export class WebSocketTransport implements Transport {
  readonly name = "websocket";
  /** The connections that are open now, by run. */
  private readonly sockets = new Map<string, Socket>();

  constructor(
    private readonly http: Http,
    private readonly options: WebSocketOptions,
  ) {}

  async *stream(place: Place, link: Link): AsyncGenerator<Received, StreamEnd, void> {
    const socket = await this.open(link);
    let run = place.run;
    try {
      const reply = await this.begin(socket, place);
      run = String(reply["run_id"]);
      this.sockets.set(run, socket);
      if (reply["ended"] === true) return "ended";
      for (;;) {
        const frame = await socket.next();
        // What concerns the connection or another run is not this run's; a heartbeat without a run already counted as heard.
        if (frame.run !== run && frame.data["run_id"] !== run && frame.event !== "reconnect") continue;
        yield { event: frame.event, data: frame.data, ...(frame.id ? { id: frame.id } : {}) };
      }
    } finally {
      if (run !== undefined && this.sockets.get(run) === socket) this.sockets.delete(run);
      socket.close();
    }
  }

  async command<C extends RunCommand>(command: C, data: CommandData[C]): Promise<JsonObject> {
    const socket = this.sockets.get(data.run);
    if (!socket) throw new ConnectionLost("Not connected right now.");
    return socket.request(command, data);
  }

  private begin(socket: Socket, place: Place): Promise<JsonObject> {
    const batch = place.batchMs === undefined ? {} : { batch_ms: place.batchMs };
    if (place.run === undefined) {
      const { body, idempotencyKey } = place.start!;
      return socket.request("chat", { ...body, idempotency_key: idempotencyKey });
    }
    const from = place.after !== undefined ? { after: place.after } : place.fromSnapshot ? { from: "snapshot" } : {};
    return socket.request("attach", { run: place.run, ...from, ...batch });
  }

  private async open(link: Link): Promise<Socket> {
    const { WebSocket, timing, requestTimeoutMs } = this.options;
    const credential = await untilAborted(Promise.resolve(this.options.credential()), link.signal);
    const url = this.http.url("/api/ws").replace(/^http/, "ws");
    const make = () => {
      try {
        return dial(WebSocket, url, credential);
      } catch (thrown) {
        // A browser refuses mixed content and bad addresses at once; trying again does not help.
        const reason = thrown instanceof Error ? thrown.message : String(thrown);
        throw new RequestRefused("invalid_request", `A WebSocket to ${url} is not possible: ${reason}`);
      }
    };
    try {
      return await Socket.open(make, link.signal, timing, requestTimeoutMs, () => link.heard());
    } catch (thrown) {
      if (!link.signal.aborted) {
        await this.options.probe().catch((refused: unknown) => {
          if (refused instanceof RequestRefused && !refused.retryable) throw refused;
        });
      }
      throw thrown;
    }
  }
}

/** A connection as all ours are made, whatever answers at `url`. */
export function dial<Made>(WebSocket: new (url: string, protocols: string[]) => Made, url: string, credential: Credential): Made {
  return new WebSocket(url, [SUBPROTOCOL, credentialSubprotocol(credential)]);
}

/** Settles as `work` does, or rejects when `signal` is aborted first. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason as OricodeClientError);
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
