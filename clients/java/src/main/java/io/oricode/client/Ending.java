package io.oricode.client;

import java.util.Optional;

/** How reading a run ended; the three are never confused. */
public sealed interface Ending {
    /**
     * The run ended: completed, failed or cancelled.
     *
     * @param done the terminal event; empty when the cursor this reader started from was already at it
     */
    record ByServer(Optional<Event.Done> done) implements Ending {}

    /**
     * This reader was closed. The run goes on, unless it was cancelled and only the confirmation is missing.
     *
     * @param cancelAsked whether {@link ChatRun#cancel()} had been called
     */
    record ByCaller(boolean cancelAsked) implements Ending {}

    /** Reading is not possible: refused for good, or never reached. The run, if there is one, goes on. */
    record Broken(Problem problem) implements Ending {}
}
