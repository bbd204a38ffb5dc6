package io.oricode.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class BackoffTest {
    private final Backoff backoff = new Backoff(Duration.ofMillis(500), Duration.ofSeconds(30), new Random(1));

    @Test
    void waitsAreSpreadFromZeroToTheDoublingBound() {
        long[] longest = new long[12];
        long[] shortest = new long[12];
        java.util.Arrays.fill(shortest, Long.MAX_VALUE);
        for (int round = 0; round < 2000; round++) {
            backoff.reset();
            for (int n = 0; n < longest.length; n++) {
                long wait = backoff.next(null).toMillis();
                longest[n] = Math.max(longest[n], wait);
                shortest[n] = Math.min(shortest[n], wait);
            }
        }
        IntStream.range(0, longest.length).forEach(n -> {
            long bound = Math.min(30_000, 500L << n);
            assertTrue(longest[n] <= bound, n + ": " + longest[n]);
            assertTrue(longest[n] > bound * 0.95, n + ": " + longest[n]);
            assertTrue(shortest[n] < bound * 0.05, n + ": " + shortest[n]);
        });
    }

    @Test
    void neverWaitsLessThanTheServiceAskedFor() {
        IntStream.range(0, 100).forEach(n -> {
            backoff.reset();
            assertTrue(backoff.next(Duration.ofSeconds(7)).toMillis() >= 7000);
        });
    }

    @Test
    void theServicesReconnectionTimeReplacesTheFirstBound() {
        backoff.base(Duration.ZERO);
        assertEquals(Duration.ZERO, backoff.next(null));
    }

    @Test
    void manyAttemptsDoNotOverflow() {
        IntStream.range(0, 200).forEach(n -> backoff.next(null));
        assertTrue(backoff.next(null).toMillis() <= 30_000);
        assertEquals(201, backoff.attempts());
    }
}
