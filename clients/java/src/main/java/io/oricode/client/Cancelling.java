package io.oricode.client;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

/**
 * The wish to cancel a run, until the service has heard it. Any thread may use it.
 *
 * <p>The wish may come before the run's id is known and while the connection is down: it is sent as soon as that is
 * possible, again after a failure, and never twice at once.
 */
final class Cancelling {
    private final Function<String, CompletableFuture<?>> request;
    private final Duration grace;
    private Long askedAt;
    private boolean onItsWay;
    private boolean heard;

    /** @param request asks the service to cancel the run of this id; completes exceptionally when it was not heard */
    Cancelling(Function<String, CompletableFuture<?>> request, Duration grace) {
        this.request = request;
        this.grace = grace;
    }

    synchronized void ask() {
        askedAt = askedAt == null ? Long.valueOf(System.nanoTime()) : askedAt;
    }

    synchronized boolean asked() {
        return askedAt != null;
    }

    /** Whether the run had its time to end. */
    synchronized boolean expired() {
        return askedAt != null && left().isZero();
    }

    /** The time the run still has to end; null when nobody asked. */
    synchronized Duration left() {
        if (askedAt == null) {
            return null;
        }
        Duration left = grace.minusNanos(System.nanoTime() - askedAt);
        return left.isNegative() ? Duration.ZERO : left;
    }

    /**
     * Sends the wish when there is one, the run is known, and it is not heard or on its way already.
     *
     * @param run null before it is known
     * @param tried called after an answer or a failure, by another thread
     */
    void deliver(String run, Runnable tried) {
        synchronized (this) {
            if (run == null || askedAt == null || onItsWay || heard) {
                return;
            }
            onItsWay = true;
        }
        request.apply(run).whenComplete((answer, failure) -> {
            synchronized (this) {
                onItsWay = false;
                heard = failure == null;
            }
            tried.run();
        });
    }
}
