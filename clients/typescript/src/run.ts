/**
 * One run as its user sees it: iterate it, listen to it, steer it.
 *
 * Reading starts at once and goes on by itself, so callbacks and `result()` work without a loop. A loop that begins late
 * first gets a `snapshot` of what was folded so far. A loop that is slow slows the reading down, never the service.
 */
import { ConnectionLost, OricodeClientError, RequestRefused, RunCancelled, RunClosed, failure } from "./errors.js";
import type { EventDataByName, OricodeEvent } from "./events.js";
import { foldEvent } from "./fold.js";
import { follow, type FollowOptions } from "./follow.js";
import type { CommandData, JsonObject, SnapshotData } from "./generated/events.js";
import { Queue } from "./queue.js";
import { EMPTY_STATE, type RunState } from "./state.js";
import { pause, withTimeout, type Timing } from "./timing.js";
import { ToolRunner, type ClientTool } from "./tools.js";
import type { Place, RunCommand, Transport } from "./transports/port.js";

const MAX_WAITING_EVENTS = 1000;
const COMMAND_PAUSE_MS = 500;

export interface RunOptions extends Omit<FollowOptions, "signal"> {
  timing: Timing;
  tools: readonly ClientTool[];
  feedback(runId: string, rating: "up" | "down", comment?: string): Promise<void>;
}

export class ChatRun implements AsyncIterable<OricodeEvent> {
  private folded: RunState = EMPTY_STATE;
  private readonly controller = new AbortController();
  private readonly loops = new Set<Queue<OricodeEvent>>();
  private readonly listeners = new Map<string, Set<(data: never, event: OricodeEvent) => void>>();
  private readonly finished: Promise<RunState>;
  private broke: { error: unknown } | undefined;
  private over = false;

  /** Made by `OricodeClient.chat` and `OricodeClient.attach`. */
  constructor(
    private readonly transport: Transport,
    private readonly place: Place,
    private readonly options: RunOptions,
  ) {
    if (options.tools.length) new ToolRunner(this, options.tools, options.timing, this.controller.signal, place.start === undefined);
    this.finished = this.read();
    this.finished.catch(() => {}); // told to whoever asks by `result` or loops; nobody has to ask
  }

  /** Null until the service has acknowledged the run. */
  get runId(): string | null {
    return this.folded.run_id ?? this.place.run ?? null;
  }

  get chatId(): string | null {
    return this.folded.chat_id ?? null;
  }

  /** The answer so far. */
  get text(): string {
    return this.folded.text;
  }

  /** Tokens used, known at the end; null before. */
  get usage(): JsonObject | null {
    return this.folded.usage ?? null;
  }

  get status(): RunState["status"] {
    return this.folded.status;
  }

  /** Everything that is known of the run; immutable. */
  get state(): RunState {
    return this.folded;
  }

  /** Where to resume with `OricodeClient.attach`; null before the first event. */
  get lastEventId(): string | null {
    return this.place.after ?? null;
  }

  /** The whole answer, at the end. Rejects with why the run did not complete, or could not be followed to its end. */
  async result(): Promise<string> {
    const { status, error, text } = await this.finished;
    if (error) throw failure(error);
    if (status === "cancelled") throw new RunCancelled();
    return text;
  }

  /** The final state, also of a run that failed or was cancelled. Rejects when the run could not be followed to its end. */
  ended(): Promise<RunState> {
    return this.finished;
  }

  /** Calls back for every event of that name (or every event, `"*"`); returns what stops it. */
  on<N extends keyof EventDataByName>(name: N, callback: (data: EventDataByName[N]) => void): () => void;
  on(name: "*", callback: (data: unknown, event: OricodeEvent) => void): () => void;
  on(name: string, callback: (data: never, event: OricodeEvent) => void): () => void {
    const set = this.listeners.get(name) ?? new Set();
    this.listeners.set(name, set.add(callback));
    return () => set.delete(callback);
  }

  /** Ends the run at the service. Resolves when the service has heard it; `done` follows. */
  async cancel(): Promise<void> {
    await this.command("cancel", {});
  }

  /** Answers an approval; the first answer of any viewer counts, a later one rejects with `already_answered`. */
  async approve(approvalId: string, decision: "approve" | "deny" = "approve", comment?: string): Promise<void> {
    await this.command("approve", { approval_id: approvalId, decision, ...(comment === undefined ? {} : { comment }) });
  }

  /** Answers a client tool's call. Not needed for tools given to `chat` as functions. */
  async toolResult(toolCallId: string, content: string, options: { isError?: boolean } = {}): Promise<void> {
    await this.command("tool_result", { tool_call_id: toolCallId, content, ...(options.isError ? { is_error: true } : {}) });
  }

  /** Says how it was; the last word counts. Over HTTP, whatever the transport. */
  async feedback(rating: "up" | "down", comment?: string): Promise<void> {
    if (this.runId === null) throw new ConnectionLost("The run is not known yet.");
    await this.options.feedback(this.runId, rating, comment);
  }

  /** Stops reading. The run goes on at the service; `OricodeClient.attach` takes it up again. */
  close(): void {
    const error = new RunClosed();
    this.controller.abort(error);
    for (const queue of this.loops) queue.end({ error });
  }

  /** Ends behind `done`, or throws as `result` does. Leaving the loop stops reading unless somebody else still listens. */
  [Symbol.asyncIterator](): AsyncIterator<OricodeEvent, void> {
    const queue = new Queue<OricodeEvent>();
    if (this.folded !== EMPTY_STATE) queue.push({ event: "snapshot", data: this.folded as unknown as SnapshotData });
    if (this.over) queue.end(this.broke);
    this.loops.add(queue);
    return {
      next: () => queue.next(),
      return: async () => {
        queue.end();
        this.loops.delete(queue);
        const heard = [...this.listeners.values()].some((set) => set.size > 0);
        if (!this.loops.size && !heard) this.close();
        return { done: true, value: undefined };
      },
    };
  }

  private async read(): Promise<RunState> {
    await Promise.resolve(); // whoever made the run gets to listen before its first event
    try {
      for await (const event of follow(this.transport, this.place, { ...this.options, signal: this.controller.signal })) {
        this.folded = foldEvent(this.folded, event);
        this.tell(event);
        for (const queue of this.loops) queue.push(event);
        for (const queue of this.loops) await queue.room(MAX_WAITING_EVENTS);
      }
      return this.folded;
    } catch (error) {
      this.broke = { error };
      throw error;
    } finally {
      this.over = true;
      for (const queue of this.loops) queue.end(this.broke);
      this.controller.abort(new RunClosed());
    }
  }

  private tell(event: OricodeEvent): void {
    for (const name of [event.event, "*"]) {
      for (const callback of this.listeners.get(name) ?? []) {
        try {
          callback(event.data as never, event);
        } catch (thrown) {
          // A listener's own bug: the platform reports it as uncaught, the run goes on.
          queueMicrotask(() => {
            throw thrown;
          });
        }
      }
    }
  }

  /** Sends a command, again after a lost connection, until it is answered or the time is up. */
  private async command<C extends RunCommand>(command: C, fields: Omit<CommandData[C], "run">): Promise<void> {
    const { timing, startPatienceMs } = this.options;
    const late = () => new ConnectionLost(`"${command}" could not be sent: the service cannot be reached.`, "timed_out");
    const controller = new AbortController();
    try {
      await withTimeout(timing, startPatienceMs, this.sendUntilAnswered(command, fields, controller.signal), late);
    } finally {
      controller.abort(new RunClosed());
    }
  }

  private async sendUntilAnswered<C extends RunCommand>(
    command: C,
    fields: Omit<CommandData[C], "run">,
    signal: AbortSignal,
  ): Promise<void> {
    for (let sent = false; ; ) {
      try {
        if (this.runId === null) throw this.broke?.error ?? new ConnectionLost("The run is not known yet.");
        await this.transport.command(command, { ...fields, run: this.runId } as CommandData[C]);
        return;
      } catch (thrown) {
        if (!(thrown instanceof OricodeClientError)) throw thrown;
        // An earlier try arrived and only its answer was lost.
        if (sent && (thrown.code === "already_answered" || thrown.code === "not_pending")) return;
        if (!thrown.retryable) throw thrown;
        if (this.over && command === "cancel") return; // it has ended meanwhile
        if (this.over) throw new RequestRefused("not_pending", "The run has ended.");
        sent = true;
        await pause(this.options.timing, thrown.retryAfterMs ?? COMMAND_PAUSE_MS, signal);
      }
    }
  }
}
