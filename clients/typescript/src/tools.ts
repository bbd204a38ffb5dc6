/**
 * Client tools as functions: a call of the model runs the function here and sends its result back.
 *
 * A call is started once. During a replay the answer of another viewer may be about to arrive, so a call seen there
 * waits a moment for its `tool_result`. A function's `signal` is aborted when the call was answered elsewhere, its
 * deadline has passed or the run has ended. The first answer counts; being second is no error.
 */
import { OricodeClientError } from "./errors.js";
import type { OricodeEvent } from "./events.js";
import type { JsonObject } from "./generated/events.js";
import type { ChatRun } from "./run.js";
import type { ToolCallState } from "./state.js";
import { pause, type Timing } from "./timing.js";

const REPLAY_PAUSE_MS = 300;

export interface ClientTool {
  name: string;
  description: string;
  /** JSON Schema of the input. */
  input_schema: JsonObject;
  /** What it returns is the result: a string as it is, anything else as JSON. What it throws is an error result. */
  run(input: JsonObject, context: { toolCallId: string; signal: AbortSignal }): unknown;
}

export class ToolRunner {
  private readonly tools: ReadonlyMap<string, ClientTool>;
  /** Calls that were started here, with what stops each. */
  private readonly started = new Map<string, AbortController>();
  private replaying = false;

  constructor(
    private readonly chat: ChatRun,
    tools: readonly ClientTool[],
    private readonly timing: Timing,
    ended: AbortSignal,
    /** Whether others may have answered what the run's first reading shows. */
    private readonly attached: boolean,
  ) {
    this.tools = new Map(tools.map((tool) => [tool.name, tool]));
    chat.on("*", (_data, event) => this.see(event));
    ended.addEventListener("abort", () => {
      for (const controller of this.started.values()) controller.abort(ended.reason);
    });
  }

  private see(event: OricodeEvent): void {
    if (event.event === "connected") this.replaying = event.data.resume === "replay" || (this.attached && event.data.resume === "new");
    if (event.event === "tool_result") this.started.get(event.data.tool_call_id)?.abort(new Error("The call was answered."));
    if (event.event !== "tool_call" && event.event !== "snapshot") return;
    for (const call of this.chat.state.tool_calls) {
      if (call.state === "running" && call.runs === "client" && !this.started.has(call.tool_call_id)) void this.answer(call);
    }
  }

  private async answer(call: ToolCallState): Promise<void> {
    const tool = this.tools.get(call.name ?? "");
    if (!tool) return;
    const controller = new AbortController();
    this.started.set(call.tool_call_id, controller);
    const left = (call.deadline ?? Infinity) - this.timing.now();
    const stopTimer = left < 2 ** 31 ? this.timing.after(Math.max(0, left), () => controller.abort(new Error("The deadline has passed."))) : () => {};
    try {
      if (this.replaying) await pause(this.timing, REPLAY_PAUSE_MS, controller.signal);
      const { content, isError } = await outcome(tool, call, controller.signal);
      if (!controller.signal.aborted) await this.chat.toolResult(call.tool_call_id, content, { isError });
    } catch (thrown) {
      // Answered elsewhere, too late, or out of reach: the service decides by the deadline, and the log shows it.
      if (!(thrown instanceof OricodeClientError) && !controller.signal.aborted) throw thrown;
    } finally {
      stopTimer();
    }
  }
}

async function outcome(tool: ClientTool, call: ToolCallState, signal: AbortSignal): Promise<{ content: string; isError: boolean }> {
  try {
    const value = await tool.run(call.input ?? {}, { toolCallId: call.tool_call_id, signal });
    return { content: typeof value === "string" ? value : (JSON.stringify(value) ?? ""), isError: false };
  } catch (thrown) {
    return { content: thrown instanceof Error ? thrown.message : String(thrown), isError: true };
  }
}
