/**
 * One JSON document an answer, for networks that let no stream through: the whole run arrives as a `snapshot` and its
 * `done`. While client tools or approvals are pending it is asked again; white space in the body is a sign of life.
 */
import { broken } from "../errors.js";
import type { CommandData, JsonObject } from "../generated/events.js";
import { parseObject, type Http } from "../http.js";
import type { Link } from "../link.js";
import { pause, type Timing } from "../timing.js";
import { sendCommand } from "./commands.js";
import type { Place, Received, RunCommand, StreamEnd, Transport } from "./port.js";

const ASK_AGAIN_MS = 1000;
/** A proxy may hold the white space back; asking again after this long is safe, as it attaches to the same run. */
const BUFFERED_MS = 120_000;
const HEARTBEAT_MS = 15_000;

export class JsonTransport implements Transport {
  readonly name = "json";

  constructor(
    private readonly http: Http,
    private readonly timing: Timing,
  ) {}

  async *stream(place: Place, link: Link): AsyncGenerator<Received, StreamEnd, void> {
    let shown = "";
    for (;;) {
      const answer = await this.ask(place, link);
      const id = answer["last_event_id"];
      const { snapshot, done } = events(answer);
      const now = JSON.stringify(snapshot);
      if (now !== shown) yield { event: "snapshot", data: snapshot, ...(typeof id === "string" ? { id } : {}) };
      shown = now;
      if (done) {
        yield { event: "done", data: done };
        return "closed";
      }
      await pause(this.timing, ASK_AGAIN_MS, link.signal);
    }
  }

  command<C extends RunCommand>(command: C, data: CommandData[C]): Promise<JsonObject> {
    return sendCommand(this.http, command, data);
  }

  private async ask(place: Place, link: Link): Promise<JsonObject> {
    link.allow(BUFFERED_MS);
    // The start is sent again rather than the run looked up: with its idempotency key it attaches, and waits for news.
    const response = place.start
      ? await this.http.open("/api/chat", {
          method: "POST",
          body: { ...place.start.body, stream: false },
          headers: { Accept: "application/json", "Idempotency-Key": place.start.idempotencyKey },
          signal: link.signal,
        })
      : await this.http.open(`/api/runs/${encodeURIComponent(place.run!)}`, { signal: link.signal });
    link.heard();
    return parseObject(await bodyOf(response, link), "The service");
  }
}

async function bodyOf(response: Response, link: Link): Promise<string> {
  if (!response.body) return "";
  const reader = response.body.getReader();
  const utf8 = new TextDecoder();
  let text = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return text + utf8.decode();
      link.heard();
      link.expect(HEARTBEAT_MS);
      text += utf8.decode(value, { stream: true });
    }
  } catch (thrown) {
    throw broken(link.signal.aborted ? link.signal.reason : thrown);
  }
}

/** The run document as the events a stream would have ended in. */
function events(answer: JsonObject): { snapshot: JsonObject; done: JsonObject | null } {
  const { run_id, chat_id, status, text, stop_reason, usage, duration_ms } = answer;
  const ended = status === "completed" || status === "failed" || status === "cancelled";
  const message = answer["message"] as { content: JsonObject[] } | null | undefined;
  const failure = answer["error"] ? { error: answer["error"], code: answer["code"], retryable: answer["retryable"] === true } : null;
  const folded = (answer["state"] as JsonObject | undefined) ?? {
    run_id,
    ...(chat_id ? { chat_id } : {}),
    text,
    messages: [wholeText(run_id, answer, message?.content ?? [])],
    tool_calls: ((answer["tool_calls"] ?? []) as JsonObject[]).map((call) => ({ message_id: "", state: "running", runs: "client", ...call })),
    approvals: answer["approvals"] ?? [],
    ...(failure ? { error: failure } : {}),
  };
  const totals = { ...(stop_reason ? { stop_reason } : {}), ...(usage ? { usage } : {}), ...(duration_ms ? { duration_ms } : {}) };
  const snapshot = { ...folded, ...totals, status: ended || status === "queued" ? status : "running" };
  return { snapshot, done: ended ? { message: sentence(String(status)), status, ...totals } : null };
}

/** The answer has the text of all turns in one piece; so it is shown as one message. */
function wholeText(run: unknown, answer: JsonObject, content: JsonObject[]): JsonObject {
  const thinking = content.filter((block) => block["type"] === "thinking" && typeof block["thinking"] === "string");
  const blocks = [...thinking.map((block) => ({ type: "thinking", text: block["thinking"] })), { type: "text", text: answer["text"] ?? "" }];
  return {
    message_id: `${String(run)}.answer`,
    turn: 1,
    attempt: 1,
    model: answer["model"] ?? "",
    complete: true,
    blocks: blocks.map((block, index) => ({ index, ...block })),
  };
}

function sentence(status: string): string {
  return status.charAt(0).toUpperCase() + status.slice(1);
}
