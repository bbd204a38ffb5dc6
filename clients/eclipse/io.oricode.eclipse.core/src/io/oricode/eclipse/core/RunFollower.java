package io.oricode.eclipse.core;

import com.google.gson.JsonObject;
import io.oricode.client.ChatRun;
import io.oricode.client.Ending;
import io.oricode.client.Event;
import io.oricode.client.OricodeClient;
import io.oricode.client.Problem;
import io.oricode.client.Signal;
import io.oricode.client.StreamingCallback;
import java.util.function.Function;

/**
 * Follows one run on a background thread and tells its session what to show. What belongs to a run that is no longer the
 * session's current one is dropped there.
 */
final class RunFollower implements Background.Task, StreamingCallback {
    private final ChatSession session;
    private final Function<OricodeClient, ChatRun> begin;
    private Background.Reporter reporter;
    private boolean answering;
    /** Why the run failed, or cannot be read; null while it did not. */
    private String error;

    // Any thread's.
    private ChatRun run;
    private boolean cancelled;
    private boolean left;

    /** @param begin starts the run, or attaches to it */
    RunFollower(ChatSession session, Function<OricodeClient, ChatRun> begin) {
        this.session = session;
        this.begin = begin;
    }

    @Override
    public void run(Background.Reporter given) throws InterruptedException {
        reporter = given;
        try {
            Ending ending = begun(begin.apply(session.client())).deliver(this);
            if (error != null) {
                failed(ending instanceof Ending.Broken broken ? advice(broken.problem()) : error);
            }
        } catch (IllegalStateException unusable) {
            failed(unusable.getMessage());
        }
    }

    /** What a person can do about a problem, where the service speaks to programs. */
    private static String advice(Problem problem) {
        return problem.status() == 401
                ? "The service does not accept this API key. Correct it under Preferences > Oricode."
                : problem.sentence();
    }

    @Override
    public void cancel() {
        session.stop();
    }

    /** Asks the service to end the run; before there is one, as soon as there is. */
    synchronized void cancelRun() {
        cancelled = true;
        if (run != null) {
            run.cancel();
        }
    }

    /** Stops reading; the run goes on. */
    synchronized void leave() {
        left = true;
        if (run != null) {
            run.close();
        }
    }

    private synchronized ChatRun begun(ChatRun started) {
        run = started;
        if (cancelled) {
            run.cancel();
        }
        if (left) {
            run.close();
        }
        return run;
    }

    @Override
    public void onEvent(ChatRun from, Event event) {
        session.took(this, event, from.chatId(), from.runId());
        if (event instanceof Event.Snapshot snapshot) {
            pending(snapshot, from);
        }
    }

    /** What waited for this client when the snapshot was taken, still waits. */
    private void pending(Event.Snapshot snapshot, ChatRun from) {
        for (JsonObject call : snapshot.toolCalls()) {
            if (is(call, "state", "running") && is(call, "runs", "client")) {
                session.runTool(this, from.runId(), (Event.ToolCall) Event.read("tool_call", call));
            }
        }
        for (JsonObject approval : snapshot.approvals()) {
            onApprovalRequired((Event.ApprovalRequired) Event.read("approval_required", approval));
        }
    }

    private static boolean is(JsonObject object, String name, String value) {
        return object.has(name) && object.get(name).getAsString().equals(value);
    }

    @Override
    public void onConnected() {
        show(Status.Phase.WORKING, answering ? null : "Connected - waiting for response…", null);
    }

    @Override
    public void onHeartbeat() {
        session.beat(this);
    }

    @Override
    public void onContent(String text) {
        if (!answering) {
            answering = true;
            show(Status.Phase.WORKING, "Answering…", null);
        }
    }

    @Override
    public void onReplaced(String text) {
        answering = !text.isEmpty();
    }

    @Override
    public void onProgress(String message, int percent) {
        answering = true;
        show(Status.Phase.WORKING, message, percent < 0 ? null : percent);
        reporter.report(message, percent);
    }

    @Override
    public void onReconnecting(Signal.Reconnecting signal) {
        show(Status.Phase.RECONNECTING, "Reconnecting…", null);
        reporter.report("Reconnecting… (" + signal.reason() + ")", -1);
    }

    @Override
    public void onToolCall(Event.ToolCall call) {
        if (call.runs().equals("client")) {
            session.runTool(this, run.runId(), call);
        }
    }

    @Override
    public void onToolResult(Event.ToolResult result) {
        session.answeredElsewhere(this, result.toolCallId());
    }

    @Override
    public void onApprovalRequired(Event.ApprovalRequired approval) {
        session.askApproval(this, run, approval);
    }

    @Override
    public void onApprovalResolved(Event.ApprovalResolved approval) {
        session.answeredElsewhere(this, approval.approvalId());
    }

    @Override
    public void onComplete() {
        session.ended(this, Status.Phase.COMPLETE, "✓ Complete", null);
    }

    @Override
    public void onStopped() {
        session.ended(this, Status.Phase.STOPPED, "Stopped", null);
    }

    @Override
    public void onError(String sentence) {
        error = sentence; // told when the ending is known
    }

    private void failed(String sentence) {
        session.ended(this, Status.Phase.FAILED, "Failed", sentence);
    }

    private void show(Status.Phase phase, String label, Integer percent) {
        session.show(this, phase, label, percent);
    }
}
