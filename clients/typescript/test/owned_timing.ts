/**
 * Time that a test owns: it stands still until `advance` or `sleep`. What is due at once (a back-off of 0 ms) runs by
 * itself, so that reconnections need no help; chance is always 0 unless set.
 */
import type { Timing } from "../src/timing.js";

interface Timer {
  due: number;
  callback: () => void;
}

export class OwnedTiming implements Timing {
  chance = 0;
  private time = 1_767_225_600_000;
  private timers = new Set<Timer>();
  private wakers = new Set<() => void>();

  now(): number {
    return this.time;
  }

  random(): number {
    return this.chance;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { due: this.time + ms, callback };
    this.timers.add(timer);
    if (ms <= 0) setImmediate(() => this.fire(timer));
    return () => this.timers.delete(timer);
  }

  onWake(callback: () => void): () => void {
    this.wakers.add(callback);
    return () => this.wakers.delete(callback);
  }

  /** Lets `ms` pass as they do while the machine is awake: timers fire one by one, each at its time. */
  advance(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      const next = [...this.timers].sort((a, b) => a.due - b.due)[0];
      if (!next || next.due > end) break;
      this.time = Math.max(this.time, next.due);
      this.fire(next);
    }
    this.time = end;
  }

  /** Lets `ms` pass as they do while a laptop sleeps: afterwards all that is due fires at once, late. */
  sleep(ms: number): void {
    this.time += ms;
    for (const timer of [...this.timers].filter((timer) => timer.due <= this.time)) this.fire(timer);
  }

  /** The page is shown again, or the network is back. */
  wake(): void {
    for (const waker of [...this.wakers]) waker();
  }

  /** How many timers wait; an ended run must leave none. */
  get waiting(): number {
    return this.timers.size + this.wakers.size;
  }

  private fire(timer: Timer): void {
    if (this.timers.delete(timer)) timer.callback();
  }
}
