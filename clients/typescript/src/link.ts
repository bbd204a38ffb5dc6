/**
 * One connection's life: aborts its `signal` when nothing was heard for too long, or when the run is closed.
 *
 * The clock is asked, timers only prompt to ask it: a timer that comes late (sleeping laptop, throttled page, blocked
 * thread) means that received data may still be waiting to be read, so the verdict waits for one more tick.
 */
import { ConnectionLost } from "./errors.js";
import type { Timing } from "./timing.js";

const TICK_MS = 1000;

export class Link {
  private readonly controller = new AbortController();
  private limitMs: number;
  private lastHeard: number;
  private armedAt = 0;
  private heardAnything = false;
  private held = false;
  private stopTimer = () => {};
  private readonly stopWaking: () => void;
  private readonly outerAborted = () => this.controller.abort(this.outer.reason);

  /** `connectMs` is how long the first sign of life may take; `outer` ends this link too. */
  constructor(
    private readonly timing: Timing,
    private readonly outer: AbortSignal,
    connectMs: number,
  ) {
    this.limitMs = connectMs;
    this.lastHeard = timing.now();
    outer.addEventListener("abort", this.outerAborted);
    if (outer.aborted) this.outerAborted();
    // Awake again: ask the clock soon, but not before what waits in the connection could be read.
    this.stopWaking = timing.onWake(() => this.arm());
    this.arm();
  }

  /** Aborted with a ConnectionLost on silence, with the outer signal's reason otherwise. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Something arrived, were it a single byte. */
  heard(): void {
    this.heardAnything = true;
    this.lastHeard = this.timing.now();
  }

  /** From now on the service promises a sign of life every `heartbeatMs`. */
  expect(heartbeatMs: number): void {
    this.allow(2 * heartbeatMs + 5000);
  }

  /** Silence of up to `ms` is normal here. */
  allow(ms: number): void {
    this.limitMs = ms;
  }

  /** The consumer is busy and nothing is read: silence says nothing until `release`. */
  hold(): void {
    this.held = true;
  }

  release(): void {
    this.held = false;
    this.lastHeard = this.timing.now();
  }

  /** Gives up the connection, with all that listens to the signal. */
  close(): void {
    this.stopTimer();
    this.stopWaking();
    this.outer.removeEventListener("abort", this.outerAborted);
    this.controller.abort(new ConnectionLost("The connection was closed here."));
  }

  private arm(): void {
    this.stopTimer();
    this.armedAt = this.timing.now();
    this.stopTimer = this.timing.after(TICK_MS, () => this.tick());
  }

  private tick(): void {
    const now = this.timing.now();
    const late = now - this.armedAt > 2 * TICK_MS;
    if (now < this.lastHeard) this.lastHeard = now; // the clock was set back
    const silence = now - this.lastHeard;
    if (silence > this.limitMs && !late && !this.held) {
      const seconds = Math.round(silence / 1000);
      const what = this.heardAnything ? `Nothing was heard for ${seconds} s.` : `No answer within ${seconds} s.`;
      this.controller.abort(new ConnectionLost(what, "timed_out"));
    } else {
      this.arm();
    }
  }
}
