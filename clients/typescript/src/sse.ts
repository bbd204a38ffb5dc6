/**
 * An incremental decoder of server-sent events (WHATWG HTML, section 9.2): bytes in, dispatched events out.
 *
 * Takes whatever the standard allows, split anywhere. An event without its blank line at the end is dropped, as the
 * standard asks. Twin of `protocol/oricode_protocol/sse.py`; both read `tests/golden/sse`.
 */

export interface ServerSentEvent {
  /** `message` when the stream named none. */
  event: string;
  data: string;
  /** The last event id at the time of dispatch; may stem from an earlier event; empty when there was none. */
  id: string;
}

const LONGEST_RETRY_MS = 86_400_000;

export class Decoder {
  lastEventId = "";
  /** The reconnection time the stream asked for, at most a day; null when it did not. */
  retryMs: number | null = null;
  private readonly utf8 = new TextDecoder();
  private rest = "";
  private afterCr = false;
  private id = "";
  private event = "";
  private data: string[] = [];

  /** Takes the next chunk; returns the events it completed. */
  feed(chunk: Uint8Array): ServerSentEvent[] {
    let text = this.utf8.decode(chunk, { stream: true });
    if (!text) return [];
    // The chunk before ended in CR: a LF now belongs to the same line end.
    if (this.afterCr && text.startsWith("\n")) text = text.slice(1);
    if (!text) {
      this.afterCr = false;
      return [];
    }
    this.afterCr = text.endsWith("\r");
    const lines = text.split(/\r\n|\n|\r/);
    lines[0] = this.rest + lines[0];
    this.rest = lines.pop() ?? "";
    const events: ServerSentEvent[] = [];
    for (const line of lines) {
      if (line) this.field(line);
      else this.dispatch(events);
    }
    return events;
  }

  private field(line: string): void {
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (name === "data") this.data.push(value);
    else if (name === "event") this.event = value;
    else if (name === "id" && !value.includes("\0")) this.id = value;
    else if (name === "retry" && /^[0-9]+$/.test(value)) this.retryMs = Math.min(Number(value), LONGEST_RETRY_MS);
  }

  private dispatch(events: ServerSentEvent[]): void {
    this.lastEventId = this.id;
    if (this.data.length) events.push({ event: this.event || "message", data: this.data.join("\n"), id: this.id });
    this.data = [];
    this.event = "";
  }
}
