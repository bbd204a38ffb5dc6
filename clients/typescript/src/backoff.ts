/** How long to wait before the next try, and when to stop trying. Full jitter: a thousand clients do not come back at once. */
import type { Timing } from "./timing.js";

const BASE_MS = 500;
const CAP_MS = 30_000;

export class Backoff {
  /** Tries that failed since something was last received. */
  failures = 0;
  /** What the stream's `retry` asked for; takes the place of the half second. */
  baseMs = BASE_MS;
  private failingSince: number | null = null;

  constructor(private readonly timing: Timing) {}

  /** Something that only a working connection brings arrived. */
  reset(): void {
    this.failures = 0;
    this.failingSince = null;
  }

  /**
   * Milliseconds until the next try, never less than `atLeastMs`, which the service asked for; null when the tries go on
   * for longer than `patienceMs` already.
   */
  next(atLeastMs: number, patienceMs: number): number | null {
    const now = this.timing.now();
    this.failingSince ??= now;
    const window = Math.min(CAP_MS, this.baseMs * 2 ** Math.min(this.failures, 16));
    this.failures += 1;
    const delay = Math.round(atLeastMs + this.timing.random() * window);
    return now + delay - this.failingSince > patienceMs ? null : delay;
  }
}
