package io.oricode.eclipse.core;

/** Where work goes that must not hold up the person. */
public interface Background {
    /** Starts {@code task} on a thread of its own, named for the person. */
    void start(String name, Task task);

    /** A piece of work. */
    interface Task {
        void run(Reporter reporter) throws InterruptedException;

        /** The person wants it to stop; called by another thread. */
        default void cancel() {}
    }

    /** Where a task tells how far it is. */
    interface Reporter {
        /** @param percent 0 to 100; -1 = unknown */
        void report(String message, int percent);
    }
}
