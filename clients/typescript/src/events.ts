/**
 * The events a run yields: those of the service (generated types) and two of the client's own.
 *
 * Both are discriminated unions on `event`, so that a `switch` over it narrows `data` and can be checked for completeness.
 */
import type { EventData, EventName } from "./generated/events.js";

/** What the service sent. `id` is the cursor to resume behind; absent on events of the connection itself. */
export type ServerEvent = {
  [E in EventName]: { readonly event: E; readonly data: EventData[E]; readonly id?: string };
}[EventName];

/** A connection is being opened; `attempt` counts from 1 since something was last received. */
export interface ConnectingData {
  transport: string;
  attempt: number;
}

/** The connection was lost; the next attempt follows after `delay_ms`. `reason` is a sentence for a person. */
export interface ReconnectingData {
  attempt: number;
  delay_ms: number;
  reason: string;
}

/** What the client itself has to say. */
export type ClientEvent =
  | { readonly event: "connecting"; readonly data: ConnectingData; readonly id?: never }
  | { readonly event: "reconnecting"; readonly data: ReconnectingData; readonly id?: never };

export type OricodeEvent = ServerEvent | ClientEvent;

/** The names `run.on` takes, with the type of their data. */
export type EventDataByName = { [E in OricodeEvent as E["event"]]: E["data"] };
