/**
 * What a transport is: a way to read a run's events from a place, and to send commands about it.
 *
 * Transports do not retry, resume or judge silence; `follow.ts` does, once for all of them.
 */
import type { ChatCommand, CommandData, JsonObject } from "../generated/events.js";
import type { Link } from "../link.js";

/** Where reading starts. Without `run` the run is started; `start` is kept so that a lost start can be sent again. */
export interface Place {
  start?: { readonly body: ChatCommand; readonly idempotencyKey: string };
  run?: string;
  /** The last id seen: reading goes on behind it. */
  after?: string;
  /** Begin with a snapshot instead of the first event; only without `after`. */
  fromSnapshot?: boolean;
  /** Let the service join neighbouring pieces of text that are this close, in milliseconds. */
  batchMs?: number | undefined;
}

/** An event as it came, not yet known to be one this version knows. */
export interface Received {
  event: string;
  data: JsonObject;
  id?: string;
}

/** `ended`: the cursor was at the end of the run, nothing more will come. */
export type StreamEnd = "ended" | "closed";

/** The commands about a run that every transport can send. */
export type RunCommand = "cancel" | "tool_result" | "approve";

export interface Transport {
  readonly name: "websocket" | "sse" | "json";
  /** Yields what arrives until the connection ends; throws an OricodeClientError when it breaks or is refused. */
  stream(place: Place, link: Link, retry: (ms: number) => void): AsyncGenerator<Received, StreamEnd, void>;
  /** One try; rejects with an OricodeClientError, within the request time limit. */
  command<C extends RunCommand>(command: C, data: CommandData[C]): Promise<JsonObject>;
}
