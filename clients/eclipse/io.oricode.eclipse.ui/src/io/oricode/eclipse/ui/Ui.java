package io.oricode.eclipse.ui;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.eclipse.swt.widgets.Control;
import org.eclipse.swt.widgets.Display;

/** The only door from background threads to the UI thread. Disposed widgets and displays are never touched. */
final class Ui {
    /** Changes that come faster than this are shown together. */
    private static final int REDRAW_MS = 60;

    private Ui() {}

    /** Runs {@code work} on the UI thread soon, unless {@code owner} is disposed by then. */
    static void later(Control owner, Runnable work) {
        if (owner.isDisposed()) {
            return;
        }
        Display display = owner.getDisplay();
        if (!display.isDisposed()) {
            display.asyncExec(() -> {
                if (!owner.isDisposed()) {
                    work.run();
                }
            });
        }
    }

    /** Runs {@code work} on the UI thread and waits for what it gives. Not to be called while holding a lock. */
    static <T> T now(Display display, Supplier<T> work) {
        return display.syncCall(work::get);
    }

    /** A redraw that may be asked for by any thread, any number of times, and happens at most every 60 ms. */
    static Runnable coalesced(Control owner, Runnable redraw) {
        AtomicBoolean due = new AtomicBoolean();
        return () -> {
            if (due.compareAndSet(false, true)) {
                later(owner, () -> owner.getDisplay().timerExec(REDRAW_MS, () -> {
                    due.set(false);
                    if (!owner.isDisposed()) {
                        redraw.run();
                    }
                }));
            }
        };
    }
}
