package io.oricode.eclipse.core;

/**
 * What the status line shows.
 *
 * @param percent 0 to 100; -1 = unknown
 */
public record Status(Phase phase, String label, int percent) {
    /** Where the chat stands; decides colours and which buttons make sense. */
    public enum Phase {
        IDLE,
        CONNECTING,
        WORKING,
        RECONNECTING,
        STOPPING,
        COMPLETE,
        STOPPED,
        FAILED;

        /** Whether a run is being followed. */
        public boolean live() {
            return this == CONNECTING || this == WORKING || this == RECONNECTING || this == STOPPING;
        }
    }

    /** Nothing was asked yet. */
    public static final Status IDLE = new Status(Phase.IDLE, "", -1);

    Status with(Phase newPhase, String newLabel) {
        return new Status(newPhase, newLabel, percent);
    }
}
