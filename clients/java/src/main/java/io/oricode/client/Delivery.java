package io.oricode.client;

/** Pulls a run and pushes it to a callback, on the thread that calls {@link #untilTheEnd()}. */
final class Delivery {
    private final ChatRun run;
    private final StreamingCallback callback;
    /** The characters the callback was given that still count. */
    private int shown;
    /** The sentence of the run's {@code error} event; null when there was none. */
    private String error;

    Delivery(ChatRun run, StreamingCallback callback) {
        this.run = run;
        this.callback = callback;
    }

    Ending untilTheEnd() throws InterruptedException {
        while (true) {
            Signal signal = run.next();
            if (signal instanceof Signal.Received received) {
                callback.onEvent(run, received.event());
                event(received.event());
            } else if (signal instanceof Signal.Reconnecting reconnecting) {
                callback.onReconnecting(reconnecting);
            } else if (signal instanceof Signal.Ended ended) {
                ended(ended.ending());
                return ended.ending();
            }
        }
    }

    private void event(Event event) {
        if (event instanceof Event.Connected) {
            callback.onConnected();
        } else if (event instanceof Event.Heartbeat) {
            callback.onHeartbeat();
        } else if (event instanceof Event.Content content) {
            shown += content.text().length();
            callback.onContent(content.text());
        } else if (event instanceof Event.MessageStart) {
            if (run.fold().text().length() != shown) { // a later attempt, which voids what the earlier one showed
                replaced();
            }
        } else if (event instanceof Event.Snapshot) {
            replaced();
        } else if (event instanceof Event.Progress progress) {
            int percent = progress.progress() == null ? -1 : (int) Math.floor(progress.progress());
            callback.onProgress(progress.message(), percent);
        } else if (event instanceof Event.ToolCall call) {
            callback.onToolCall(call);
        } else if (event instanceof Event.ToolResult result) {
            callback.onToolResult(result);
        } else if (event instanceof Event.ApprovalRequired approval) {
            callback.onApprovalRequired(approval);
        } else if (event instanceof Event.ApprovalResolved approval) {
            callback.onApprovalResolved(approval);
        } else if (event instanceof Event.Error failure) {
            error = failure.error();
        }
    }

    private void replaced() {
        String text = run.fold().text();
        shown = text.length();
        callback.onReplaced(text);
    }

    private void ended(Ending ending) {
        if (ending instanceof Ending.Broken broken) {
            callback.onError(broken.problem().sentence());
        } else if (ending instanceof Ending.ByCaller) {
            callback.onStopped();
        } else if (ending instanceof Ending.ByServer byServer) {
            switch (byServer.done().map(Event.Done::status).orElse("completed")) {
                case "failed" -> callback.onError(error == null ? byServer.done().get().message() : error);
                case "cancelled" -> callback.onStopped();
                default -> callback.onComplete();
            }
        }
    }
}
