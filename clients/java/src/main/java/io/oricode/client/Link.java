package io.oricode.client;

import com.google.gson.JsonObject;
import java.util.List;

/**
 * One connection that reads a run's events and tells a sink about them, from a thread of its own. Implemented by
 * {@link SseLink} and {@link WebSocketLink}; knows nothing of resuming.
 */
interface Link extends AutoCloseable {
    /** The reader has taken a {@link Arrival.Page}: one more may come. Without it the wire is not read further. */
    void more();

    /** Nothing came for a second: looks whether the connection is gone, and tells it. */
    default void check() {}

    /** Ends the connection at once; any thread, any number of times. Nothing is told to the sink afterwards. */
    @Override
    void close();

    /** What a link tells. */
    sealed interface Arrival {
        /**
         * Bytes came; they are a sign of life even when they completed no event.
         *
         * @param retryMs the reconnection time the stream asked for; null when it did not
         */
        record Page(List<Message> messages, Long retryMs) implements Arrival {}

        /** The service said no; the connection is closed. */
        record Refused(Problem problem) implements Arrival {}

        /** The cursor is at the terminal event already; the connection is closed. */
        record AlreadyEnded() implements Arrival {}

        /** The connection is gone. */
        record Lost(String reason) implements Arrival {}

        /** Nothing came; whoever waits shall look again at what was asked of it. */
        record Wake() implements Arrival {}
    }

    /**
     * An event as it came.
     *
     * @param id empty when it has none
     */
    record Message(String id, String event, JsonObject data) {}
}
