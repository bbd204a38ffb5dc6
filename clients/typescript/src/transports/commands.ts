/** A run's commands over HTTP, for the transports whose stream goes one way only. */
import type { CommandData, JsonObject } from "../generated/events.js";
import type { Http } from "../http.js";
import type { RunCommand } from "./port.js";

export function sendCommand<C extends RunCommand>(http: Http, command: C, data: CommandData[C]): Promise<JsonObject> {
  const { run, ...body } = data;
  const path = `/api/runs/${encodeURIComponent(run)}`;
  if (command === "cancel") return http.json(`${path}/cancel`, { method: "POST" });
  if (command === "tool_result") return http.json(`${path}/tool_results`, { method: "POST", body });
  const { approval_id, ...decision } = body as Omit<CommandData["approve"], "run">;
  return http.json(`${path}/approvals/${encodeURIComponent(approval_id)}`, { method: "POST", body: decision });
}
