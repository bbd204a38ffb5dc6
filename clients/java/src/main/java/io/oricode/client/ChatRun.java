package io.oricode.client;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * A run being read. One thread pulls with {@link #next()} and may use {@link #fold()}; everything else may be called from
 * any thread.
 *
 * <p>Silence, drops and planned reconnections are dealt with inside {@code next()}, on the thread that calls it: a run
 * needs no thread of its own. Losing a connection loses nothing, and ends nothing, on either side.
 */
public final class ChatRun implements AutoCloseable {
    /** Opens a connection that tells {@code sink} what it reads; returns at once. */
    interface Dialer {
        Link dial(Target target, Consumer<Link.Arrival> sink);
    }

    /** How often a link that says nothing is looked at. */
    private static final Duration LOOK = Duration.ofSeconds(1);

    // Set once.
    private final Dialer dialer;
    private final ClientOptions options;
    private final Cancelling cancelling;
    private final Runnable onClosed;
    private final long started = System.nanoTime();

    // The pulling thread's own.
    private final Fold fold = new Fold();
    private final Deque<Link.Message> page = new ArrayDeque<>();
    private final Backoff backoff;
    private Target target;
    private Duration silence;
    private long dialAt = started;
    private long quietSince;
    private boolean pageTaken;
    private boolean heardAny;
    private Ending ending;

    // Any thread's.
    private final BlockingQueue<Link.Arrival> inbox = new LinkedBlockingQueue<>();
    private volatile Link link;
    private volatile boolean closed;
    private volatile String runId;
    private volatile String chatId;
    private volatile String cursor;

    /**
     * @param onClosed called when nothing is left to be closed, perhaps more than once
     */
    ChatRun(Target target, Dialer dialer, ClientOptions options, Backoff backoff, Cancelling cancelling,
            Runnable onClosed) {
        this.target = target;
        this.dialer = dialer;
        this.options = options;
        this.backoff = backoff;
        this.cancelling = cancelling;
        this.onClosed = onClosed;
        this.silence = options.silenceAt(ClientOptions.USUAL_HEARTBEAT);
        this.runId = target.run();
        this.cursor = target.after();
    }

    /** The run's id; null before the service has told it. */
    public String runId() {
        return runId;
    }

    /** The chat's id; null before the service has told it. */
    public String chatId() {
        return chatId;
    }

    /** The id of the last event read, to resume from later; empty before there was one. */
    public String cursor() {
        return cursor;
    }

    /** What the run looks like so far; belongs to the pulling thread. */
    public Fold fold() {
        return fold;
    }

    /**
     * Waits for what comes next, as long as it takes.
     *
     * @throws InterruptedException when the calling thread was interrupted; the run can be pulled further
     */
    public Signal next() throws InterruptedException {
        while (ending == null) {
            Signal signal = step();
            if (signal != null) {
                return signal;
            }
        }
        return new Signal.Ended(ending);
    }

    /**
     * Pulls until the end and tells {@code callback}, on the calling thread. When the callback throws, the run is closed.
     *
     * @throws InterruptedException when the calling thread was interrupted; the run is closed
     */
    public Ending deliver(StreamingCallback callback) throws InterruptedException {
        try {
            return new Delivery(this, callback).untilTheEnd();
        } finally {
            close();
        }
    }

    /**
     * Asks the service to end the run; returns at once. The end still comes through {@link #next()}: {@code done} with
     * {@code cancelled} or, when the service cannot be asked within the grace of the options, {@link Ending.ByCaller}.
     */
    public void cancel() {
        cancelling.ask();
        cancelling.deliver(runId, () -> inbox.add(new Link.Arrival.Wake()));
        inbox.add(new Link.Arrival.Wake());
    }

    /** Stops reading; the run goes on. Returns at once, any number of times. */
    @Override
    public void close() {
        closed = true;
        Link open = link;
        if (open != null) {
            open.close();
        }
        inbox.add(new Link.Arrival.Wake());
        onClosed.run();
    }

    /** One step on; null when it gave nothing for the caller. */
    private Signal step() throws InterruptedException {
        if (closed) {
            return finish(new Ending.ByCaller(cancelling.asked()));
        }
        if (cancelling.expired()) {
            return finish(new Ending.ByCaller(true));
        }
        if (!page.isEmpty()) {
            return message(page.poll());
        }
        if (link == null) {
            return dial();
        }
        if (pageTaken) {
            pageTaken = false;
            link.more();
        }
        Link.Arrival arrival = inbox.poll(atMost(silence.compareTo(LOOK) < 0 ? silence : LOOK).toNanos(), TimeUnit.NANOSECONDS);
        if (arrival != null) {
            return arrival(arrival);
        }
        if (System.nanoTime() - quietSince > silence.toNanos()) {
            return lost("nothing was heard for " + silence.toSeconds() + " s", null);
        }
        link.check();
        return null;
    }

    private Signal dial() throws InterruptedException {
        long wait = dialAt - System.nanoTime();
        if (wait > 0) {
            inbox.poll(atMost(Duration.ofNanos(wait)).toNanos(), TimeUnit.NANOSECONDS);
            return null; // the time has come, or something was asked: look at everything again
        }
        inbox.clear(); // of wakes; what they stand for is looked at in each step
        quietSince = System.nanoTime();
        link = dialer.dial(target.resume(runId, cursor), inbox::add);
        if (closed) {
            link.close(); // close() may have come before it could see this link
        }
        return null;
    }

    private Signal arrival(Link.Arrival arrival) {
        if (arrival instanceof Link.Arrival.Page came) {
            quietSince = System.nanoTime();
            page.addAll(came.messages());
            pageTaken = true;
            if (came.retryMs() != null) {
                backoff.base(Duration.ofMillis(came.retryMs()));
            }
            cancelling.deliver(runId, () -> inbox.add(new Link.Arrival.Wake()));
            return null;
        }
        if (arrival instanceof Link.Arrival.Refused refused) {
            Problem problem = refused.problem();
            return problem.worthRetrying()
                    ? lost(problem.sentence(), problem)
                    : finish(new Ending.Broken(problem));
        }
        if (arrival instanceof Link.Arrival.AlreadyEnded) {
            return finish(new Ending.ByServer(Optional.empty()));
        }
        return arrival instanceof Link.Arrival.Lost lost ? lost(lost.reason(), null) : null;
    }

    private Signal message(Link.Message message) {
        Event event;
        try {
            event = Event.read(message.event(), message.data());
            fold.apply(message.event(), message.data());
        } catch (MalformedEventException malformed) {
            String sentence = "The service sent a malformed " + message.event() + ": " + malformed.getMessage() + ".";
            return finish(new Ending.Broken(Problem.malformed(sentence)));
        }
        if (!message.id().isEmpty()) {
            cursor = message.id();
        }
        heardAny = true;
        if (event instanceof Event.Connected connected) {
            connected(connected);
        } else if (event instanceof Event.Reconnect asked) {
            return lost(asked.reason(), new Problem("reconnect", asked.reason(), 0, true, Duration.ofMillis(asked.afterMs())));
        } else {
            backoff.reset();
        }
        if (event instanceof Event.Done done) {
            finish(new Ending.ByServer(Optional.of(done)));
        }
        return new Signal.Received(message.id(), event, message.data());
    }

    private void connected(Event.Connected connected) {
        runId = connected.runId() == null ? runId : connected.runId();
        chatId = connected.chatId() == null ? chatId : connected.chatId();
        if (connected.heartbeatMs() != null) {
            silence = options.silenceAt(Duration.ofMillis(connected.heartbeatMs()));
        }
        cancelling.deliver(runId, () -> inbox.add(new Link.Arrival.Wake()));
    }

    /** The connection is of no use any more. {@code why} is null when nobody asked for a wait. */
    private Signal lost(String reason, Problem why) {
        drop();
        if (!heardAny && System.nanoTime() - started > options.startPatience().toNanos()) {
            Problem problem = why == null ? Problem.unreachable("The service could not be reached: " + reason + ".") : why;
            return finish(new Ending.Broken(problem));
        }
        Duration delay = backoff.next(why == null ? null : why.retryAfter());
        dialAt = System.nanoTime() + delay.toNanos();
        return new Signal.Reconnecting(backoff.attempts(), delay, reason);
    }

    private Signal finish(Ending how) {
        ending = how;
        drop();
        onClosed.run();
        return null;
    }

    private void drop() {
        Link open = link;
        if (open != null) {
            open.close();
        }
        link = null;
        page.clear();
        pageTaken = false;
        inbox.clear();
    }

    private Duration atMost(Duration wait) {
        Duration left = cancelling.left();
        return left != null && left.compareTo(wait) < 0 ? left : wait;
    }
}
