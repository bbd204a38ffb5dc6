/** SSE over `fetch`: a POST starts the run, a GET resumes it, commands are requests of their own. */
import { ProtocolViolation, broken } from "../errors.js";
import type { CommandData, JsonObject } from "../generated/events.js";
import { parseObject, type Http } from "../http.js";
import type { Link } from "../link.js";
import { Decoder } from "../sse.js";
import { sendCommand } from "./commands.js";
import type { Place, Received, RunCommand, StreamEnd, Transport } from "./port.js";

export class SseTransport implements Transport {
  readonly name = "sse";

  constructor(private readonly http: Http) {}

  async *stream(place: Place, link: Link, retry: (ms: number) => void): AsyncGenerator<Received, StreamEnd, void> {
    const response = await this.open(place, link.signal);
    link.heard();
    if (response.status === 204) return "ended";
    const type = response.headers.get("Content-Type") ?? "";
    if (!response.body || !type.startsWith("text/event-stream")) {
      throw new ProtocolViolation(`The address answered ${type || "nothing"} instead of an event stream.`);
    }
    const reader = response.body.getReader();
    const decoder = new Decoder();
    let cursor = "";
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return "closed";
        link.heard();
        const events = decoder.feed(value);
        if (decoder.retryMs !== null) retry(decoder.retryMs);
        for (const { event, data, id } of events) {
          // The decoder repeats the last id on events that have none of their own.
          yield { event, data: parseObject(data, "The event stream"), ...(id && id !== cursor ? { id } : {}) };
          cursor = id;
        }
      }
    } catch (thrown) {
      throw link.signal.aborted ? broken(link.signal.reason) : broken(thrown);
    } finally {
      // Not awaited: on a dead connection it may never settle. What it rejects with is the error already thrown.
      reader.cancel().catch(() => {});
    }
  }

  command<C extends RunCommand>(command: C, data: CommandData[C]): Promise<JsonObject> {
    return sendCommand(this.http, command, data);
  }

  private open(place: Place, signal: AbortSignal): Promise<Response> {
    const headers = { Accept: "text/event-stream" };
    if (place.run === undefined) {
      const { body, idempotencyKey } = place.start!;
      return this.http.open("/api/chat", {
        method: "POST",
        body: { ...body, stream: true },
        headers: { ...headers, "Idempotency-Key": idempotencyKey },
        signal,
      });
    }
    const query = new URLSearchParams();
    if (place.after !== undefined) query.set("after", place.after);
    else if (place.fromSnapshot) query.set("from", "snapshot");
    if (place.batchMs !== undefined) query.set("batch_ms", String(place.batchMs));
    return this.http.open(`/api/runs/${encodeURIComponent(place.run)}/events?${query}`, { headers, signal });
  }
}
