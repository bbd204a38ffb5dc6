package io.oricode.eclipse.core;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/** The open questions, oldest first. Any thread may use it. */
final class Questions {
    private record Open(Question question, Consumer<Boolean> answered) {}

    private final Map<String, Open> open = new LinkedHashMap<>();
    private final Runnable changed;

    Questions(Runnable changed) {
        this.changed = changed;
    }

    /** The oldest; null when there is none. */
    synchronized Question oldest() {
        return open.isEmpty() ? null : open.values().iterator().next().question();
    }

    /** Asks; {@code answered} is called by the thread that answers. The same id again asks nothing. */
    void ask(Question question, Consumer<Boolean> answered) {
        synchronized (this) {
            if (open.putIfAbsent(question.id(), new Open(question, answered)) != null) {
                return;
            }
        }
        changed.run();
    }

    /** Asks and waits; a question that is withdrawn counts as declined. */
    boolean askAndWait(Question question) {
        CompletableFuture<Boolean> answer = new CompletableFuture<>();
        ask(question, answer::complete);
        return answer.join();
    }

    /** The person answered; an id that is not open is ignored. */
    void answer(String id, boolean yes) {
        Open answered;
        synchronized (this) {
            answered = open.remove(id);
        }
        if (answered != null) {
            changed.run();
            answered.answered().accept(yes);
        }
    }

    /** Nobody waits for this one any more. */
    void withdraw(String id) {
        synchronized (this) {
            open.remove(id);
        }
        changed.run();
    }

    /** Nobody waits for any of them any more: all count as declined. */
    void withdrawAll() {
        Map<String, Open> withdrawn;
        synchronized (this) {
            withdrawn = new LinkedHashMap<>(open);
            open.clear();
        }
        withdrawn.values().forEach(each -> each.answered().accept(false));
        changed.run();
    }
}
