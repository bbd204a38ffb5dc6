/** Saying something back: cancelling, approving, answering tools; and what is left when the user leaves. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import WebSocket from "ws";
import { OricodeClient, type ChatOptions, type ClientOptions } from "../src/client.js";
import type { ClientTool } from "../src/tools.js";
import type { WebSocketClass } from "../src/transports/socket.js";
import { OwnedTiming } from "./owned_timing.js";
import {
  RUN, ScriptedService, connected, content, done, drop, event, messageStart, refuse, silence, type Step,
} from "./scripted_service.js"; // prettier-ignore

let timing: OwnedTiming;
let service: ScriptedService | undefined;

beforeEach(() => {
  timing = new OwnedTiming();
});
afterEach(async () => {
  await service?.close();
  service = undefined;
});

const toolCall = (seq: number, id: string, name = "read_editor", more = {}) =>
  event(seq, "tool_call", { tool_call_id: id, name, input: { path: "a.abap" }, runs: "client", ...more });
const toolResult = (seq: number, id: string) =>
  event(seq, "tool_result", { tool_call_id: id, name: "read_editor", status: "ok", summary: "read" });

/** A gate that a script waits at until the test opens it. */
function gate(): { step: Step; open: () => void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { step: () => opened, open: () => open() };
}

describe.each(["sse", "websocket"] as const)("over %s", (transport) => {
  const names = transport === "sse" ? { tool: "tool_results", approve: "approvals" } : { tool: "tool_result", approve: "approve" };
  const ask = async (scripts: Step[][], options: ChatOptions = {}, more: ClientOptions = {}) => {
    service = await ScriptedService.start(scripts);
    return client(more).chat("Hello?", options);
  };
  const client = (more: ClientOptions = {}) =>
    new OricodeClient(service!.url, "sk-test", { transport, timing, WebSocket: WebSocket as unknown as WebSocketClass, ...more });
  const asked = (what: string) => service!.asked.filter((one) => one.what === what).map(({ data }) => data);

  test("cancelling ends in a cancelled run", async () => {
    const { step, open } = gate();
    const run = await ask([[connected(), messageStart(1), content(2, "Half"), step, done(3, "cancelled")]]);
    run.on("content", () => void run.cancel().then(open));
    await expect(run.result()).rejects.toMatchObject({ name: "RunCancelled", blame: "nobody" });
    expect([run.status, run.text]).toEqual(["cancelled", "Half"]);
  });

  test("a cancel during a lost connection is sent when the service is back", async () => {
    const { step, open } = gate();
    const resumed = [connected("live"), step, done(2, "cancelled")];
    const run = await ask([[connected(), messageStart(1), drop], resumed, resumed]);
    service!.answers["cancel"] = ["drop", {}];
    let cancelling: Promise<void> | undefined;
    run.on("reconnecting", () => (cancelling ??= run.cancel().then(open)));
    const ticking = setInterval(() => timing.advance(500), 5);
    await expect(run.result()).rejects.toMatchObject({ code: "cancelled" });
    await cancelling;
    clearInterval(ticking);
    expect(asked("cancel")).toHaveLength(2);
  });

  test("a command that nobody answers gives up when its time is over", async () => {
    const run = await ask([[connected(), messageStart(1), silence]]);
    service!.answers["cancel"] = Array.from({ length: 99 }, () => "drop" as const);
    await new Promise<void>((resolve) => run.on("message_start", () => resolve()));
    const cancelling = run.cancel();
    const ticking = setInterval(() => timing.advance(400), 2);
    await expect(cancelling).rejects.toMatchObject({ name: "ConnectionLost", code: "timed_out" });
    clearInterval(ticking);
    run.close();
  });

  test("approving names the approval, the decision and the comment", async () => {
    const { step, open } = gate();
    const required = event(2, "approval_required", { approval_id: "appr_1", tool_call_id: "c", reason: "r", input_digest: "d", expires_at: 1 });
    const run = await ask([[connected(), messageStart(1), required, step, done(3)]], { approvals: true });
    run.on("approval_required", ({ approval_id }) => void run.approve(approval_id, "deny", "not today").then(open));
    await run.result();
    expect(asked(names.approve)[0]).toMatchObject({ decision: "deny", comment: "not today" });
    expect(asked("chat")[0]).toMatchObject({ approvals: true });
  });

  test("being second to answer is told to whoever asked", async () => {
    const { step, open } = gate();
    const run = await ask([[connected(), messageStart(1), step, done(2)]]);
    service!.answers[names.approve] = [refuse(409, "already_answered", false) as never];
    await new Promise<void>((resolve) => run.on("message_start", () => resolve()));
    await expect(run.approve("appr_1")).rejects.toMatchObject({ code: "already_answered", blame: "client" });
    open();
    await run.result();
  });

  test("an answer whose acknowledgement was lost counts as given", async () => {
    const { step, open } = gate();
    const run = await ask([[connected(), messageStart(1), step, done(2)], [connected("live"), step, done(2)]]);
    service!.answers[names.tool] = ["drop", refuse(409, "already_answered", false) as never];
    await new Promise<void>((resolve) => run.on("message_start", () => resolve()));
    const ticking = setInterval(() => timing.advance(500), 2);
    await run.toolResult("call_1", "42");
    clearInterval(ticking);
    expect(asked(names.tool)).toHaveLength(2);
    open();
    await run.result();
  });

  describe("a client tool", () => {
    const calls: unknown[] = [];
    const tool = (run: ClientTool["run"]): ClientTool => ({
      name: "read_editor",
      description: "Reads.",
      input_schema: { type: "object" },
      run: (input, context) => {
        calls.push(input);
        return run(input, context);
      },
    });
    const answered = async () => {
      await service!.until(() => asked(names.tool).length > 0);
      return asked(names.tool)[0];
    };
    beforeEach(() => calls.splice(0));

    test("is offered to the model, runs once when called, and its result is sent", async () => {
      const { step, open } = gate();
      const tools = [tool(() => ({ text: "REPORT z." }))];
      const run = await ask([[connected(), messageStart(1), toolCall(2, "call_1"), step, toolResult(3, "call_1"), done(4)]], { tools });
      expect(await answered()).toMatchObject({ tool_call_id: "call_1", content: '{"text":"REPORT z."}' });
      open();
      await run.result();
      expect(calls).toEqual([{ path: "a.abap" }]);
      expect(asked("chat")[0]?.["tools"]).toEqual([{ name: "read_editor", description: "Reads.", input_schema: { type: "object" } }]);
    });

    test("that fails answers with an error result", async () => {
      const tools = [tool(() => Promise.reject(new Error("No editor is open.")))];
      const run = await ask([[connected(), messageStart(1), toolCall(2, "call_1"), silence]], { tools });
      expect(await answered()).toMatchObject({ content: "No editor is open.", is_error: true });
      run.close();
    });

    test("is not run again for a call that a replay shows as answered", async () => {
      const tools = [tool(() => "again")];
      const run = await ask(
        [[connected(), messageStart(1), drop], [connected("replay"), toolCall(2, "call_1"), toolResult(3, "call_1"), done(4)]],
        { tools },
      );
      await run.result();
      timing.advance(1000);
      expect(calls).toEqual([]);
    });

    test("is run for a call that a replay shows as open", async () => {
      const tools = [tool(() => "now")];
      const run = await ask([[connected(), messageStart(1), drop], [connected("replay"), toolCall(2, "call_1"), silence]], { tools });
      await new Promise<void>((resolve) => run.on("tool_call", () => resolve()));
      setImmediate(() => timing.advance(1000));
      expect(await answered()).toMatchObject({ content: "now" });
      run.close();
    });

    test("takes up an open call when it joins by a snapshot", async () => {
      const call = { tool_call_id: "call_1", message_id: "msg_1", state: "running", name: "read_editor", input: {}, runs: "client" };
      const data = { run_id: RUN, status: "running", text: "", messages: [], tool_calls: [call], approvals: [] };
      service = await ScriptedService.start([[connected(), event(2, "snapshot", data), silence]]);
      const run = client().attach(RUN, { from: "snapshot", tools: [tool(() => "late")] });
      await new Promise<void>((resolve) => run.on("snapshot", () => resolve()));
      setImmediate(() => timing.advance(1000));
      expect(await answered()).toMatchObject({ content: "late" });
      expect(service.asked[0]?.data).toMatchObject({ from: "snapshot" });
      run.close();
    });

    test("is told by its signal when the deadline has passed, and answers no more", async () => {
      let reason = "";
      const hanging = tool((_input, { signal }) => new Promise((resolve) => signal.addEventListener("abort", () => {
        reason = String((signal.reason as Error).message);
        resolve("too late");
      }))); // prettier-ignore
      const run = await ask([[connected(), messageStart(1), toolCall(2, "call_1", "read_editor", { deadline: timing.now() + 5000 }), silence]], { tools: [hanging] });
      await new Promise<void>((resolve) => run.on("tool_call", () => resolve()));
      timing.advance(6000);
      await Promise.resolve();
      expect(reason).toBe("The deadline has passed.");
      expect(asked(names.tool)).toEqual([]);
      run.close();
    });
  });

  test("closing stops the reading and leaves the run alone", async () => {
    const run = await ask([[connected(), messageStart(1), silence]]);
    await new Promise<void>((resolve) => run.on("message_start", () => resolve()));
    run.close();
    await expect(run.result()).rejects.toMatchObject({ name: "RunClosed" });
    expect(asked("cancel")).toEqual([]);
    expect(timing.waiting).toBe(0);
  });

  test("leaving the loop stops the reading when nobody else listens", async () => {
    const run = await ask([[connected(), messageStart(1), silence]]);
    for await (const { event } of run) if (event === "message_start") break;
    await expect(run.result()).rejects.toMatchObject({ code: "closed" });
  });

  test("a loop that begins late gets a snapshot first, one after the end gets that and the end", async () => {
    const { step, open } = gate();
    const run = await ask([[connected(), messageStart(1), content(2, "Hello"), step, content(3, " world"), done(4)]]);
    await new Promise<void>((resolve) => run.on("content", () => resolve()));
    const late = run[Symbol.asyncIterator]();
    expect((await late.next()).value).toMatchObject({ event: "snapshot", data: { text: "Hello", run_id: RUN } });
    open();
    expect((await late.next()).value).toMatchObject({ event: "content", data: { text: " world" } });
    await run.result();
    const after = [];
    for await (const event of run) after.push(event);
    expect(after).toMatchObject([{ event: "snapshot", data: { text: "Hello world", status: "completed" } }]);
  });

  test("a listener that throws does not disturb the run", async () => {
    const uncaught: unknown[] = [];
    const listeners = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException").on("uncaughtException", (error) => uncaught.push(error.message));
    const run = await ask([[connected(), messageStart(1), content(2, "Hi"), done(3)]]);
    run.on("content", () => {
      throw new Error("a bug of the listener");
    });
    expect(await run.result()).toBe("Hi");
    process.removeAllListeners("uncaughtException");
    for (const listener of listeners) process.on("uncaughtException", listener);
    expect(uncaught).toEqual(["a bug of the listener"]);
  });
});
