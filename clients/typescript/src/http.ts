/**
 * Plain requests to the service: each has a time limit, and every refusal becomes an error of this package.
 *
 * The key goes into a header, never into a URL. Redirects are errors: following one would hand the key to another host.
 */
import { ConnectionLost, ProtocolViolation, broken, refusal } from "./errors.js";
import type { JsonObject } from "./generated/events.js";
import { withTimeout, type Timing } from "./timing.js";

export interface HttpOptions {
  /** The service's address; a path in it is kept as a prefix. */
  url: string;
  key: () => string | Promise<string>;
  fetch: typeof fetch;
  timing: Timing;
  /** How long a request may take, in milliseconds. */
  requestTimeoutMs: number;
}

export interface Request {
  method?: string;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export class Http {
  constructor(private readonly options: HttpOptions) {}

  /** The absolute address of `path`, for example `/api/chat`. */
  url(path: string): string {
    return this.options.url.replace(/\/+$/, "") + path;
  }

  key(): string | Promise<string> {
    return this.options.key();
  }

  /** The answer's head, its body unread. No time limit of its own: pass a signal. Throws for every status >= 400. */
  async open(path: string, request: Request = {}): Promise<Response> {
    const { method = "GET", body, headers = {}, signal } = request;
    const init: RequestInit = {
      method,
      headers: { "X-API-Key": await this.options.key(), ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
      redirect: "error",
      cache: "no-store",
      credentials: "omit",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    };
    const { fetch } = this.options; // taken out: a browser's fetch must not be called as a method of this
    const response = await fetch(this.url(path), init).catch((thrown: unknown) => {
      throw broken(signal?.aborted ? signal.reason : thrown, "The service cannot be reached");
    });
    if (response.ok) return response;
    throw refusal(response.status, await this.problem(response), retryAfter(response, this.options.timing.now()));
  }

  /** The JSON document that `path` answers; `{}` for an answer without one. */
  async json(path: string, request: Request = {}): Promise<JsonObject> {
    const controller = new AbortController();
    const late = () => {
      const error = new ConnectionLost(`${this.url(path)} did not answer in time.`, "timed_out");
      controller.abort(error);
      return error;
    };
    const work = this.open(path, { ...request, signal: controller.signal }).then((response) => document(response, this.url(path)));
    return withTimeout(this.options.timing, this.options.requestTimeoutMs, work, late);
  }

  private async problem(response: Response): Promise<unknown> {
    const late = () => new ConnectionLost("The error's text did not arrive.", "timed_out");
    const text = await withTimeout(this.options.timing, this.options.requestTimeoutMs, response.text(), late).catch(() => "");
    try {
      return JSON.parse(text);
    } catch {
      return null; // a proxy's page: the status alone tells
    }
  }
}

async function document(response: Response, url: string): Promise<JsonObject> {
  const text = await response.text().catch((thrown: unknown) => {
    throw broken(thrown);
  });
  if (!text.trim()) return {};
  return parseObject(text, url);
}

/** The JSON object in `text`; throws a ProtocolViolation that names `where` it came from. */
export function parseObject(text: string, where: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
  } catch {
    // falls through to the error below, which is the same for everything that is not a JSON object
  }
  throw new ProtocolViolation(`${where} did not answer with a JSON object.`);
}

/** `Retry-After` in milliseconds, given in seconds or as a date; undefined without one. */
function retryAfter(response: Response, now: number): number | undefined {
  const value = response.headers.get("Retry-After");
  if (!value) return undefined;
  if (/^\d+$/.test(value.trim())) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
