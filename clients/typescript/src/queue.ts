/** A queue between what pushes and what iterates. Unbounded by itself: `size` and `room` let its owner keep the bound. */

type Waiter<T> = { resolve: (result: IteratorResult<T, void>) => void; reject: (error: unknown) => void };

export class Queue<T> {
  private items: T[] = [];
  private waiter: Waiter<T> | null = null;
  private ended = false;
  private failure: { error: unknown } | null = null;
  private drained: (() => void) | null = null;

  get size(): number {
    return this.items.length;
  }

  push(item: T): void {
    if (this.ended) return;
    if (this.waiter) {
      this.waiter.resolve({ done: false, value: item });
      this.waiter = null;
    } else {
      this.items.push(item);
    }
  }

  /** Nothing more will be pushed; what is queued is still handed out, then the end or `failure`. */
  end(failure?: { error: unknown }): void {
    if (this.ended) return;
    this.ended = true;
    this.failure = failure ?? null;
    this.drained?.();
    const { waiter } = this;
    if (!waiter) return;
    this.waiter = null;
    if (failure) waiter.reject(failure.error);
    else waiter.resolve({ done: true, value: undefined });
  }

  /** The next item; one caller at a time. */
  next(): Promise<IteratorResult<T, void>> {
    if (this.items.length) {
      const value = this.items.shift() as T;
      if (!this.items.length) this.drained?.();
      return Promise.resolve({ done: false, value });
    }
    if (this.failure) return Promise.reject(this.failure.error);
    if (this.ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => (this.waiter = { resolve, reject }));
  }

  /** Resolves when fewer than `limit` items wait, or when the queue has ended. */
  async room(limit: number): Promise<void> {
    if (this.items.length < limit || this.ended) return;
    await new Promise<void>((resolve) => (this.drained = resolve));
    this.drained = null;
  }
}
