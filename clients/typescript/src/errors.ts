/**
 * Everything that can go wrong, as one tree: the class says who can mend it.
 *
 *     OricodeClientError
 *         RequestRefused      the caller: change the request, the key, or wait
 *         ServiceFailed       the service
 *             ProtocolViolation
 *         UpstreamFailed      the model's provider
 *         ConnectionLost      the network between here and the service
 *         RunCancelled        somebody ended the run; nobody is to blame
 *         RunClosed           this side stopped reading; nobody is to blame
 *
 * `code` is a row of PROTOCOL.md section 8, or one of the client's own: `connection_lost`, `timed_out`,
 * `protocol_violation`, `cancelled`, `closed`, `http_<status>`.
 */
import { CLOSE_CODES, type ErrorData } from "./generated/events.js";

export type Blame = "client" | "service" | "upstream" | "network" | "nobody";

interface Particulars {
  retryable?: boolean;
  retryAfterMs?: number | undefined;
  status?: number | undefined;
}

/** Base of everything this package throws on purpose. `message` is a sentence for a person. */
export class OricodeClientError extends Error {
  readonly blame: Blame = "service";
  /** Whether the same request may succeed later without a change. */
  readonly retryable: boolean;
  /** Milliseconds until another try makes sense; undefined when nobody said. */
  readonly retryAfterMs: number | undefined;
  /** The HTTP status, where there was one. */
  readonly status: number | undefined;

  constructor(
    readonly code: string,
    message: string,
    more: Particulars = {},
  ) {
    super(message);
    this.retryable = more.retryable ?? false;
    this.retryAfterMs = more.retryAfterMs;
    this.status = more.status;
  }
}

// Names are spelled out: those of minified classes say nothing.

export class RequestRefused extends OricodeClientError {
  override readonly name = "RequestRefused";
  override readonly blame = "client";
}

export class ServiceFailed extends OricodeClientError {
  override readonly name: string = "ServiceFailed";
  override readonly blame = "service";
}

/** What came is not this protocol: another server at that address, a proxy's page, or a bug. */
export class ProtocolViolation extends ServiceFailed {
  override readonly name = "ProtocolViolation";

  constructor(message: string) {
    super("protocol_violation", message);
  }
}

export class UpstreamFailed extends OricodeClientError {
  override readonly name = "UpstreamFailed";
  override readonly blame = "upstream";
}

/** No answer came, or the connection broke. The run, if there is one, goes on. */
export class ConnectionLost extends OricodeClientError {
  override readonly name = "ConnectionLost";
  override readonly blame = "network";

  constructor(message: string, code: "connection_lost" | "timed_out" = "connection_lost") {
    super(code, message, { retryable: true });
  }
}

export class RunCancelled extends OricodeClientError {
  override readonly name = "RunCancelled";
  override readonly blame = "nobody";

  constructor() {
    super("cancelled", "The run was cancelled.");
  }
}

export class RunClosed extends OricodeClientError {
  override readonly name = "RunClosed";
  override readonly blame = "nobody";

  constructor() {
    super("closed", "Reading was stopped here; the run goes on at the service.");
  }
}

/** What a problem document, a WebSocket's error reply or a foreign proxy's page says. */
export function refusal(status: number, body: unknown, retryAfterMs?: number): OricodeClientError {
  const problem = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
  const { code, retryable, retry_after_ms, detail, error } = problem;
  const guessed = [408, 425, 429].includes(status) || status >= 500;
  const sentence = detail ?? error ?? `The address answered HTTP ${status}, and not as an Oricode service.`;
  return errorOf(typeof code === "string" ? code : `http_${status}`, String(sentence), {
    retryable: typeof retryable === "boolean" ? retryable : guessed,
    retryAfterMs: typeof retry_after_ms === "number" ? retry_after_ms : retryAfterMs,
    status,
  });
}

/** Why a run failed, from its `error` event. */
export function failure({ code, error, retryable, retry_after_ms }: ErrorData): OricodeClientError {
  return errorOf(code, error, { retryable, retryAfterMs: retry_after_ms, status: 200 });
}

/** What the closing of a WebSocket means. Codes without a row, and those that pass, mean a lost connection. */
export function closing(code: number, reason: string): OricodeClientError {
  const row = CLOSE_CODES[code];
  const message = reason || (code === 1006 ? "The connection broke." : `The connection was closed (${code}).`);
  return row && !row.retryable ? new RequestRefused(row.code, message) : new ConnectionLost(message);
}

/** A failed read or write of the network, as one of ours; the platform's own reason is kept in brackets. */
export function broken(thrown: unknown, what = "The connection broke"): OricodeClientError {
  if (thrown instanceof OricodeClientError) return thrown;
  const reason = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown;
  return new ConnectionLost(`${what} (${reason instanceof Error ? reason.message || reason.name : String(reason)}).`);
}

function errorOf(code: string, message: string, more: Particulars & { status: number }): OricodeClientError {
  if (code.startsWith("upstream_")) return new UpstreamFailed(code, message, more);
  const refused = more.status >= 400 && more.status < 500;
  return refused ? new RequestRefused(code, message, more) : new ServiceFailed(code, message, more);
}
