package io.oricode.client;

import com.google.gson.JsonObject;

/**
 * What a link shall read: a run that is to be started, or one that exists.
 *
 * @param start the body that starts the run; null when the run exists
 * @param idempotencyKey makes sending {@code start} again attach instead of starting twice; null when the run exists
 * @param run the run's id; null before it is known
 * @param after the cursor; empty for everything from the first event
 * @param snapshot whether what lies before shall come folded; only without a cursor
 */
record Target(JsonObject start, String idempotencyKey, String run, String after, boolean snapshot) {
    static Target start(JsonObject body, String idempotencyKey) {
        return new Target(body, idempotencyKey, null, "", false);
    }

    static Target of(String run, String after, boolean snapshot) {
        return new Target(null, null, run, after, snapshot);
    }

    /** The same run once it is known: nothing is sent that could start another. */
    Target resume(String knownRun, String cursor) {
        return knownRun == null ? this : new Target(null, null, knownRun, cursor, snapshot && cursor.isEmpty());
    }
}
