package io.oricode.client;

import com.google.gson.JsonObject;
import java.net.http.HttpClient;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The way to an Oricode service. Thread safe; make one and keep it.
 *
 * <pre>{@code
 * try (OricodeClient client = new OricodeClient(ClientOptions.of(URI.create("https://…"), key));
 *         ChatRun run = client.start(ChatRequest.of("Explain this report").clientType("eclipse"))) {
 *     while (run.next() instanceof Signal.Received received) { … }
 * }
 * }</pre>
 */
public final class OricodeClient implements AutoCloseable {
    private final ClientOptions options;
    private final ExecutorService threads;
    private final HttpClient http;
    private final Api api;
    private final Set<ChatRun> live = ConcurrentHashMap.newKeySet();
    private volatile boolean closed;

    public OricodeClient(ClientOptions options) {
        this.options = options;
        threads = Executors.newCachedThreadPool(named("oricode-http-"));
        http = http(options, threads);
        api = new Api(http, options);
    }

    /** What all connections are made by. */
    static HttpClient http(ClientOptions options, ExecutorService threads) {
        return HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1) // else http:// begins with an upgrade to HTTP/2
                .connectTimeout(options.connectTimeout())
                .executor(threads)
                .build();
    }

    /** The service's short requests. */
    public Api api() {
        return api;
    }

    /** Starts a run and reads it, with an idempotency key of its own. */
    public ChatRun start(ChatRequest request) {
        return start(request, UUID.randomUUID().toString());
    }

    /**
     * Starts a run and reads it; when a run was started with this key before, reads that one. Nothing is sent before the
     * first {@link ChatRun#next()}.
     */
    public ChatRun start(ChatRequest request, String idempotencyKey) {
        JsonObject body = request.toJson();
        body.addProperty("stream", true);
        return read(Target.start(body, idempotencyKey));
    }

    /** Reads a run that exists. @param after the cursor; empty for everything from the first event */
    public ChatRun attach(String runId, String after) {
        return read(Target.of(runId, after, false));
    }

    /** Reads a run that exists: what was before comes as one {@code snapshot}. */
    public ChatRun attachFolded(String runId) {
        return read(Target.of(runId, "", true));
    }

    /** Starts a run and pushes it from a thread of its own, which ends with the run. */
    public ChatRun stream(ChatRequest request, StreamingCallback callback) {
        ChatRun run = start(request);
        Thread thread = new Thread(() -> push(run, callback), "oricode-run");
        thread.setDaemon(true);
        thread.start();
        return run;
    }

    /**
     * Asks and waits for the whole answer, as callers without streaming do. The run may take hours.
     *
     * @throws OricodeException when the request was refused for good, or the service never answered
     * @throws InterruptedException when the calling thread was interrupted; the run goes on
     */
    public RunDocument ask(ChatRequest request) throws InterruptedException {
        JsonObject body = request.toJson();
        body.addProperty("stream", false);
        return new JsonAnswer(http, options, backoff()).get(body, UUID.randomUUID().toString());
    }

    /** Closes the readers of all runs (the runs go on) and ends all threads. */
    @Override
    public void close() {
        closed = true;
        live.forEach(ChatRun::close);
        threads.shutdown();
    }

    private ChatRun read(Target target) {
        if (closed) {
            throw new IllegalStateException("this client was closed");
        }
        ChatRun.Dialer dialer = options.transport() == ClientOptions.Transport.SSE
                ? (wanted, sink) -> SseLink.open(http, options, wanted, sink)
                : (wanted, sink) -> WebSocketLink.open(http, options, wanted, sink);
        Cancelling cancelling = new Cancelling(this::cancelling, options.cancelGrace());
        ChatRun[] self = new ChatRun[1];
        self[0] = new ChatRun(target, dialer, options, backoff(), cancelling, () -> live.remove(self[0]));
        live.add(self[0]);
        return self[0];
    }

    /** A refusal for good counts as heard: asking again would change nothing. */
    private CompletableFuture<?> cancelling(String runId) {
        return api.cancelling(runId).exceptionally(failure -> {
            if (failure.getCause() instanceof OricodeException refused && !refused.problem().worthRetrying()) {
                return null;
            }
            throw new CompletionException(failure);
        });
    }

    private Backoff backoff() {
        return new Backoff(options.backoffBase(), options.backoffCap(), () -> ThreadLocalRandom.current().nextLong());
    }

    private static void push(ChatRun run, StreamingCallback callback) {
        try {
            run.deliver(callback);
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt(); // nobody but this thread's end is left to see it
        }
    }

    private static ThreadFactory named(String prefix) {
        AtomicInteger count = new AtomicInteger();
        return task -> {
            Thread thread = new Thread(task, prefix + count.incrementAndGet());
            thread.setDaemon(true);
            return thread;
        };
    }
}
