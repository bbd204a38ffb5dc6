/**
 * What survives a reload of the window: enough to show the conversation at once and to take up runs that go on.
 *
 * Kept small, as the editor writes it often: no tool inputs, no thinking, and only the last exchanges. The service has
 * the rest.
 */
import { EMPTY_STATE, viewOf, type ChatCommand, type RunState } from "@oricode/client";
import type { Exchange, Failure } from "../shared/messages.js";

const MAX_EXCHANGES = 30;
const MAX_TEXT = 50_000;

/** How a run was started, so that a start whose answer was lost is repeated and not doubled. */
export interface Start {
  readonly key: string;
  readonly body: ChatCommand;
}

export interface SavedExchange {
  readonly id: string;
  readonly prompt: string;
  readonly context: string;
  readonly runId: string | null;
  readonly rating: Exchange["rating"];
  readonly failure: Failure | null;
  /** Absent once the run is known. */
  readonly start?: Start;
  /** Absent while the run goes on. */
  readonly ended?: Pick<RunState, "status" | "text"> & Partial<Pick<RunState, "error" | "usage">>;
}

export interface Saved {
  readonly chatId: string | null;
  readonly exchanges: readonly SavedExchange[];
}

export function save(chatId: string | null, exchanges: readonly Exchange[], starts: ReadonlyMap<string, Start>): Saved {
  return { chatId, exchanges: exchanges.slice(-MAX_EXCHANGES).map((exchange) => saveExchange(exchange, starts.get(exchange.id))) };
}

function saveExchange({ id, prompt, context, runId, view, failure, rating }: Exchange, start: Start | undefined): SavedExchange {
  const { status, text, error, usage } = view.run;
  const cut = { status, text: text.slice(0, MAX_TEXT), ...(error ? { error } : {}), ...(usage ? { usage } : {}) };
  return { id, prompt, context, runId, rating, failure, ...(start && !runId ? { start } : {}), ...(view.busy ? {} : { ended: cut }) };
}

export function restore({ id, prompt, context, runId, rating, failure, ended }: SavedExchange): Exchange {
  const block = { index: 0, type: "text" as const, text: ended?.text ?? "" };
  const message = { message_id: `kept_${id}`, turn: 1, attempt: 1, model: "", complete: true, blocks: [block] };
  const state: RunState = ended ? { ...EMPTY_STATE, ...(runId ? { run_id: runId } : {}), ...ended, messages: [message] } : EMPTY_STATE;
  return { id, prompt, context, runId, rating, failure, view: viewOf(state) };
}
