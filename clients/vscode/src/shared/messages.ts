/**
 * What the extension host and the chat page say to each other: the only way between them, typed both ways.
 *
 * Both sides are ours, but the page renders text of a model: what comes from it is checked by `fromPage`.
 */
import type { OricodeEvent, RunView } from "@oricode/client";

/** A question with its answer. */
export interface Exchange {
  readonly id: string;
  readonly prompt: string;
  /** What was attached, for example `zreport.abap:3-9`; empty when nothing was. */
  readonly context: string;
  /** Null until the service has acknowledged the run, and in answers without one. */
  readonly runId: string | null;
  readonly view: RunView;
  /** Why the answer could not be followed to its end; null while it can. */
  readonly failure: Failure | null;
  readonly rating: "up" | "down" | null;
}

export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
}

/** The codes of failures that a good key ends. */
export const KEY_FAILURES: ReadonlySet<string> = new Set(["signed_out", "unauthorized", "key_revoked"]);

/** How the page gets its answers: by its own WebSocket to `url`, or from the host, which relays. */
export type Path =
  | { readonly kind: "direct"; readonly url: string; /** Whether the host may take over when connecting fails. */ readonly fallback: boolean }
  | { readonly kind: "relay"; /** For a person: why. */ readonly reason: string };

export type ToPage =
  | { type: "conversation"; exchanges: readonly Exchange[]; path: Path; signedIn: boolean; context: string }
  | { type: "exchange"; exchange: Exchange }
  | { type: "event"; exchange: string; event: OricodeEvent }
  | { type: "context"; label: string }
  /** A change waits for the user's decision; empty: none does. */
  | { type: "proposal"; label: string }
  | { type: "focus" }
  | { type: "reply"; ref: number; value: string }
  | { type: "reply"; ref: number; failure: Failure };

export type FromPage =
  | { type: "ready" }
  | { type: "ask"; text: string }
  | { type: "stop" }
  | { type: "approve"; approvalId: string; decision: "approve" | "deny" }
  | { type: "insert" | "apply" | "copy"; code: string }
  | { type: "decide"; decision: "apply" | "discard" }
  | { type: "rate"; exchange: string; rating: "up" | "down" }
  | { type: "retry"; exchange: string }
  | { type: "command"; command: "newChat" | "chooseChat" | "signIn" | "openSettings" | "dropContext" }
  /** The page cannot connect by itself, for this reason: from now on the host relays. */
  | { type: "relay"; reason: string }
  | { type: "ticket"; ref: number };

type Check = (value: unknown) => boolean;
const text: Check = (value) => typeof value === "string";
const oneOf = (...allowed: string[]): Check => (value) => allowed.includes(value as string);

const FIELDS: Record<FromPage["type"], Record<string, Check>> = {
  ready: {},
  ask: { text },
  stop: {},
  approve: { approvalId: text, decision: oneOf("approve", "deny") },
  insert: { code: text },
  apply: { code: text },
  copy: { code: text },
  decide: { decision: oneOf("apply", "discard") },
  rate: { exchange: text, rating: oneOf("up", "down") },
  retry: { exchange: text },
  command: { command: oneOf("newChat", "chooseChat", "signIn", "openSettings", "dropContext") },
  relay: { reason: text },
  ticket: { ref: (value) => Number.isInteger(value) },
};

/** The message, or null for anything that is not one of the page's messages. */
export function fromPage(value: unknown): FromPage | null {
  if (typeof value !== "object" || value === null) return null;
  const message = value as Record<string, unknown>;
  const type = message["type"];
  if (typeof type !== "string" || !Object.hasOwn(FIELDS, type)) return null;
  const checks = Object.entries(FIELDS[type as FromPage["type"]]);
  return checks.every(([name, check]) => check(message[name])) ? (message as FromPage) : null;
}
