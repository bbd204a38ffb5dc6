package io.oricode.client;

import java.time.Duration;
import java.util.random.RandomGenerator;

/** Full jitter: a random wait between 0 and {@code min(cap, base × 2^n)}, never shorter than the service asked for. */
final class Backoff {
    private final RandomGenerator random;
    private final Duration cap;
    private Duration base;
    private int attempts;

    Backoff(Duration base, Duration cap, RandomGenerator random) {
        this.base = base;
        this.cap = cap;
        this.random = random;
    }

    /** Since the last {@link #reset()}. */
    int attempts() {
        return attempts;
    }

    /** Something arrived: the next wait is short again. */
    void reset() {
        attempts = 0;
    }

    /** The service names its reconnection time: it replaces the first bound. */
    void base(Duration asked) {
        base = asked;
    }

    /**
     * The next wait.
     *
     * @param asked the least the service asks for; null when it does not
     */
    Duration next(Duration asked) {
        int doublings = Math.min(attempts++, 20);
        long bound = Math.min(cap.toMillis(), base.toMillis() << doublings);
        Duration wait = Duration.ofMillis(bound <= 0 ? 0 : random.nextLong(bound + 1));
        return asked != null && asked.compareTo(wait) > 0 ? asked : wait;
    }
}
