package io.oricode.client;

import com.google.gson.JsonObject;
import java.time.Duration;

/** What {@link ChatRun#next()} gives. */
public sealed interface Signal {
    /**
     * An event came.
     *
     * @param id the cursor behind it; empty for events of the connection
     * @param data the event's fields as they came, also those that {@code event} does not know
     */
    record Received(String id, Event event, JsonObject data) implements Signal {}

    /**
     * The connection is gone; the next call of {@link ChatRun#next()} waits for {@code delay} and resumes.
     *
     * @param attempt from 1, counted since an event last arrived
     * @param reason a phrase for a person
     */
    record Reconnecting(int attempt, Duration delay, String reason) implements Signal {}

    /** Nothing more will come; from now on every call gives this. */
    record Ended(Ending ending) implements Signal {}
}
