package io.oricode.client;

/**
 * What a run says, pushed. All methods are called by one thread, in the order of the events. Exactly one of
 * {@link #onComplete}, {@link #onError} and {@link #onStopped} is the last call.
 */
public interface StreamingCallback {
    /** The service answered. Called again after each reconnection. */
    void onConnected();

    /** Nothing new, but all is well. */
    void onHeartbeat();

    /** A piece of the answer's text. */
    void onContent(String text);

    /**
     * What the run is doing.
     *
     * @param percent 0 to 100, rounded down; -1 when unknown
     */
    void onProgress(String message, int percent);

    /** The run completed. */
    void onComplete();

    /**
     * The run failed, or it cannot be read any more.
     *
     * @param error a sentence for a person
     */
    void onError(String error);

    /** The run was cancelled, or its reader was closed. */
    default void onStopped() {
        onComplete();
    }

    /** The connection is gone and will be resumed. */
    default void onReconnecting(Signal.Reconnecting signal) {}

    /** The text that was shown is void (the model was called again, or events are gone); this is all there is. */
    default void onReplaced(String text) {}

    /** A tool is about to run; for {@code runs} = {@code client} this client is the one to run it. */
    default void onToolCall(Event.ToolCall call) {}

    /** A tool call ended. */
    default void onToolResult(Event.ToolResult result) {}

    /** A person must decide before a tool runs. */
    default void onApprovalRequired(Event.ApprovalRequired approval) {}

    /** An approval needs no answer any more. */
    default void onApprovalResolved(Event.ApprovalResolved approval) {}

    /** Every event, before the method above that is about it; the run's ids and fold are up to date. */
    default void onEvent(ChatRun run, Event event) {}
}
