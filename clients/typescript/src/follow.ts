/**
 * Follows one run to its end over whatever happens to the connections: the only place that resumes and backs off.
 *
 * In: a transport, a place to start reading, time limits. Out: an async generator of events, each once and in order, with
 * the client's own `connecting` and `reconnecting` between them. Ends behind `done`, or throws an OricodeClientError when the
 * service refused for good, stayed out of reach for too long, or `signal` was aborted. The service's unknown events are skipped.
 */
import { Backoff } from "./backoff.js";
import { ConnectionLost, OricodeClientError } from "./errors.js";
import type { OricodeEvent, ServerEvent } from "./events.js";
import { EVENT_NAMES } from "./generated/events.js";
import { Link } from "./link.js";
import { pause, type Timing } from "./timing.js";
import type { Place, Received, Transport } from "./transports/port.js";

export interface FollowOptions {
  timing: Timing;
  signal: AbortSignal;
  /** How long a connection may take to show its first sign of life, in milliseconds. */
  connectTimeoutMs: number;
  /** How long the service may stay out of reach before a run is given up, in milliseconds; Infinity = never. */
  patienceMs: number;
  /** The same while the service has not acknowledged the start. */
  startPatienceMs: number;
}

export async function* follow(transport: Transport, place: Place, options: FollowOptions): AsyncGenerator<OricodeEvent, void, void> {
  const { timing, signal } = options;
  const backoff = new Backoff(timing);
  for (;;) {
    const link = new Link(timing, signal, options.connectTimeoutMs);
    let asked: number | undefined; // milliseconds to wait that the service asked for
    let trouble: OricodeClientError = new ConnectionLost("The connection ended early.");
    yield { event: "connecting", data: { transport: transport.name, attempt: backoff.failures + 1 } };
    try {
      const stream = transport.stream(place, link, (ms) => (backoff.baseMs = ms));
      let item = await stream.next();
      try {
        for (; !item.done; item = await stream.next()) {
          const event = known(item.value);
          if (!event) continue;
          note(event, place, link, backoff);
          if (event.event === "reconnect") {
            asked = event.data.after_ms;
            trouble = new ConnectionLost(event.data.reason);
          }
          link.hold();
          yield event;
          link.release();
          if (event.event === "done") return;
          if (event.event === "reconnect") break;
        }
      } finally {
        if (!item.done) await stream.return("closed");
      }
      if (item.done && item.value === "ended") return;
    } catch (thrown) {
      if (signal.aborted) throw signal.reason;
      if (!(thrown instanceof OricodeClientError) || !mayTryAgain(thrown, place)) throw thrown;
      asked = thrown.retryAfterMs;
      trouble = thrown;
    } finally {
      link.close();
    }
    const attempt = backoff.failures + 1;
    const delay_ms = backoff.next(asked ?? 0, place.run === undefined ? options.startPatienceMs : options.patienceMs);
    if (delay_ms === null) throw trouble;
    yield { event: "reconnecting", data: { attempt, delay_ms, reason: trouble.message } };
    await pause(timing, delay_ms, signal, asked === undefined);
  }
}

/** The event as one this version knows, null for others. */
function known(received: Received): ServerEvent | null {
  return EVENT_NAMES.has(received.event) ? (received as unknown as ServerEvent) : null;
}

/** Keeps what resuming needs, before anybody sees the event. */
function note(event: ServerEvent, place: Place, link: Link, backoff: Backoff): void {
  if (event.id !== undefined) place.after = event.id;
  if (event.id !== undefined || event.event === "heartbeat") backoff.reset();
  if (event.event === "snapshot") place.run = event.data.run_id;
  if (event.event === "connected") {
    if (event.data.run_id !== undefined) place.run = event.data.run_id;
    if (event.data.heartbeat_ms !== undefined) link.expect(event.data.heartbeat_ms);
  }
}

function mayTryAgain(error: OricodeClientError, place: Place): boolean {
  // Whoever starts with `if_busy: reject` wants to hear that the chat is busy, not to wait for it.
  if (error.code === "chat_busy" && place.run === undefined) return false;
  return error.retryable || error instanceof ConnectionLost;
}
