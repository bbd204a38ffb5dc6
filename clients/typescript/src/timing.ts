/**
 * Time and chance, passed in so that tests own them.
 *
 * `now` is the wall clock on purpose: it goes on while a laptop sleeps, when timers and the monotonic clock may not.
 */

export interface Timing {
  /** Milliseconds since the epoch. */
  now(): number;
  /** From 0 up to, not including, 1. */
  random(): number;
  /** Calls back once after `ms`; returns what stops it. */
  after(ms: number, callback: () => void): () => void;
  /** Calls back when the machine or page may just have woken up or come online; returns what stops it. */
  onWake(callback: () => void): () => void;
}

export const REAL_TIMING: Timing = {
  now: () => Date.now(),
  random: () => Math.random(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
  onWake(callback) {
    if (typeof window === "undefined" || typeof document === "undefined") return () => {};
    const shown = () => {
      if (document.visibilityState === "visible") callback();
    };
    document.addEventListener("visibilitychange", shown);
    const names = ["online", "pageshow", "focus"] as const;
    for (const name of names) window.addEventListener(name, callback);
    return () => {
      document.removeEventListener("visibilitychange", shown);
      for (const name of names) window.removeEventListener(name, callback);
    };
  },
};

/**
 * Resolves after `ms`, or as soon as the machine wakes up if `wakeable`; rejects with the signal's reason when it is
 * aborted.
 */
export function pause(timing: Timing, ms: number, signal: AbortSignal, wakeable = false): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const settle = (finish: () => void) => () => {
      stopTimer();
      stopWaking();
      signal.removeEventListener("abort", aborted);
      finish();
    };
    const aborted = settle(() => reject(signal.reason));
    const stopTimer = timing.after(ms, settle(resolve));
    const stopWaking = wakeable ? timing.onWake(settle(resolve)) : () => {};
    signal.addEventListener("abort", aborted);
  });
}

/** Settles as `work` does, or rejects with `late()` after `ms`. */
export function withTimeout<T>(timing: Timing, ms: number, work: Promise<T>, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = timing.after(ms, () => reject(late()));
    work.then(resolve, reject).finally(stop);
  });
}
