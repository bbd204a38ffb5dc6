package io.oricode.eclipse.core;

import com.google.gson.JsonObject;
import io.oricode.client.Api;
import io.oricode.client.ChatRequest;
import io.oricode.client.ChatRun;
import io.oricode.client.Event;
import io.oricode.client.OricodeClient;
import io.oricode.client.OricodeException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * What a chat view stands for: one chat, at most one run that is being followed. Any thread may call it; nothing here
 * waits, the work is done in the background. Who shows it takes a {@link #look()} whenever {@code changed} was called.
 */
public final class ChatSession implements AutoCloseable {
    private final Connection connection;
    private final ServiceSettings settings;
    private final Background background;
    private final Runnable changed;
    private final Questions questions;
    private final ClientTools tools;

    // Guarded by this.
    private final List<Entry> past = new ArrayList<>();
    private RunTranscript transcript = new RunTranscript();
    private RunFollower current;
    private Status status = Status.IDLE;
    private String chatId = "";
    /** What was shown before the connection broke; comes back with it. */
    private String labelBefore = "";
    private int beats;
    private int failures;
    private String failure;

    /** @param changed told, by any thread, that {@link #look()} has changed; must not wait */
    public ChatSession(
            Connection connection, ServiceSettings settings, Background background, EditorPort editors,
            Runnable changed) {
        this.connection = connection;
        this.settings = settings;
        this.background = background;
        this.changed = changed;
        this.questions = new Questions(changed);
        this.tools = new ClientTools(editors, questions::askAndWait);
    }

    /** What to show now. */
    public synchronized Look look() {
        List<Entry> entries = new ArrayList<>(past);
        entries.addAll(transcript.entries());
        return new Look(List.copyOf(entries), status, beats, questions.oldest(), failures, failure);
    }

    /**
     * Asks; does nothing while a run is live.
     *
     * @param shown what the conversation shows as the person's words
     * @param prompt what the model is asked
     */
    public void ask(String shown, String prompt) {
        ChatRequest request = ChatRequest.of(prompt)
                .clientType("eclipse")
                .approvals(true)
                .tools(ClientTools.definitions());
        synchronized (this) {
            if (status.phase().live() || prompt.isBlank()) {
                return;
            }
            settle();
            past.add(new Entry(Entry.Kind.YOU, shown.strip()));
            request = chatId.isEmpty() ? request : request.chatId(chatId);
        }
        ChatRequest whole = settings.model().isEmpty() ? request : request.model(settings.model());
        follow(client -> client.start(whole), "Connecting…");
    }

    /** Asks the service to end the live run; the view shows its end when it comes. */
    public void stop() {
        synchronized (this) {
            if (current == null || !status.phase().live()) {
                return;
            }
            current.cancelRun();
            status = status.with(Status.Phase.STOPPING, "Stopping…");
        }
        changed.run();
    }

    /** Leaves the chat; a live run goes on without being watched. */
    public void newChat() {
        leave();
        synchronized (this) {
            past.clear();
            chatId = "";
        }
        settings.remember("", "");
        changed.run();
    }

    /** Shows another chat, and follows its live run when it has one. */
    public void open(String chat, String liveRun) {
        leave();
        synchronized (this) {
            past.clear();
            chatId = chat;
            status = new Status(Status.Phase.CONNECTING, "Loading…", -1);
        }
        settings.remember(chat, liveRun);
        changed.run();
        background.start("Oricode: loading the chat", reporter -> {
            List<Entry> entries = chat.isEmpty() ? List.of() : load(api -> StoredChat.entries(api, chat, liveRun));
            synchronized (this) {
                if (entries == null || !chatId.equals(chat)) {
                    return;
                }
                past.addAll(entries);
                status = Status.IDLE;
            }
            changed.run();
            if (!liveRun.isEmpty()) {
                follow(client -> client.attachFolded(liveRun), "Connecting…");
            }
        });
    }

    /** After a restart: shows the chat that was open, and goes on following the run that was not finished. */
    public void resume() {
        if (!settings.chat().isEmpty()) {
            open(settings.chat(), settings.unfinishedRun());
        }
    }

    /** Reads the latest chats and hands them on; nothing when that fails, but for the error shown. */
    public void history(Consumer<List<StoredChat.Title>> found) {
        background.start("Oricode: reading the history", reporter -> {
            List<StoredChat.Title> titles = load(StoredChat::titles);
            if (titles != null) {
                found.accept(titles);
            }
        });
    }

    /** The person's answer to a question. */
    public void answer(String questionId, boolean yes) {
        questions.answer(questionId, yes);
    }

    /** Stops following; runs go on, and are resumed by the next session. */
    @Override
    public void close() {
        leave();
        connection.close();
    }

    // For the follower, by its thread.

    OricodeClient client() {
        return connection.client();
    }

    void took(RunFollower from, Event event, String chat, String run) {
        boolean begins = event instanceof Event.Connected && chat != null && run != null;
        synchronized (this) {
            if (from != current) {
                return;
            }
            chatId = chat == null ? chatId : chat;
            transcript.apply(event);
        }
        if (begins) {
            settings.remember(chat, run);
        }
        changed.run();
    }

    void beat(RunFollower from) {
        synchronized (this) {
            beats += from == current ? 1 : 0;
        }
        changed.run();
    }

    /** @param label null = the one before the connection broke @param percent null = as before */
    void show(RunFollower from, Status.Phase phase, String label, Integer percent) {
        synchronized (this) {
            if (from != current || status.phase() == Status.Phase.STOPPING) {
                return;
            }
            if (phase == Status.Phase.RECONNECTING && status.phase() != phase) {
                labelBefore = status.label();
            }
            String text = label != null ? label : status.phase() == Status.Phase.RECONNECTING ? labelBefore : status.label();
            status = new Status(phase, text, percent == null ? status.percent() : percent);
        }
        changed.run();
    }

    void ended(RunFollower from, Status.Phase phase, String label, String error) {
        String chat;
        synchronized (this) {
            if (from != current) {
                return;
            }
            status = new Status(phase, label, phase == Status.Phase.COMPLETE && status.percent() >= 0 ? 100 : status.percent());
            if (error != null) {
                fail(error);
            }
            current = null;
            chat = chatId;
        }
        questions.withdrawAll();
        settings.remember(chat, "");
        changed.run();
    }

    void runTool(RunFollower from, String run, Event.ToolCall call) {
        background.start("Oricode: " + call.name(), reporter -> {
            ClientTools.Answer answer = tools.run(call.toolCallId(), call.name(), call.input());
            synchronized (this) {
                if (from != current) {
                    return; // nobody waits any more; another viewer, or the run's next one, may answer
                }
            }
            Api api = client().api();
            deliver(() -> api.answerTool(run, call.toolCallId(), answer.content(), answer.isError()));
        });
    }

    void askApproval(RunFollower from, ChatRun run, Event.ApprovalRequired approval) {
        JsonObject call = ApprovalText.call(run.fold().state(), approval.toolCallId());
        Question question = ApprovalText.question(approval, call);
        String runId = run.runId();
        questions.ask(question, yes -> {
            synchronized (this) {
                if (from != current) {
                    return;
                }
            }
            background.start("Oricode: answering", reporter -> {
                Api api = client().api();
                deliver(() -> api.decide(runId, approval.approvalId(), yes));
            });
        });
    }

    void answeredElsewhere(RunFollower from, String questionId) {
        questions.withdraw(questionId);
    }

    // Inside.

    private void follow(Function<OricodeClient, ChatRun> begin, String label) {
        RunFollower follower = new RunFollower(this, begin);
        synchronized (this) {
            transcript = new RunTranscript();
            current = follower;
            status = new Status(Status.Phase.CONNECTING, label, -1);
        }
        changed.run();
        background.start("Oricode: answering", follower);
    }

    private void leave() {
        RunFollower left;
        synchronized (this) {
            left = current;
            current = null;
            settle();
            status = Status.IDLE;
        }
        if (left != null) {
            left.leave();
        }
        questions.withdrawAll();
    }

    /** What the run said belongs to the past now. */
    private synchronized void settle() {
        past.addAll(transcript.entries());
        transcript = new RunTranscript();
    }

    private synchronized void fail(String sentence) {
        past.addAll(transcript.entries());
        transcript = new RunTranscript();
        past.add(new Entry(Entry.Kind.NOTE, sentence));
        failures++;
        failure = sentence;
    }

    /** Sends an answer until it is delivered or refused; an answer that somebody else gave first is as good. */
    private void deliver(Runnable request) throws InterruptedException {
        for (int wait = 250; ; wait = Math.min(2 * wait, 8000)) {
            try {
                request.run();
                return;
            } catch (OricodeException refused) {
                if (!refused.problem().retryable()) {
                    return; // the run says what became of it: answered, cancelled or timed out
                }
            }
            Thread.sleep(wait);
        }
    }

    private <T> T load(Function<Api, T> reading) {
        String error;
        try {
            return reading.apply(client().api());
        } catch (OricodeException refused) {
            error = refused.problem().sentence();
        } catch (IllegalStateException unusable) {
            error = unusable.getMessage();
        }
        synchronized (this) {
            fail(error);
            status = new Status(Status.Phase.FAILED, "Failed", -1);
        }
        changed.run();
        return null;
    }
}
