package io.oricode.client;

import com.google.gson.JsonObject;
import java.io.ByteArrayOutputStream;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * A run's answer as one JSON document, as callers without streaming get it. The white space that the service sends while
 * it works is the sign of life; a broken or silent connection is replaced by another one with the same idempotency key,
 * which attaches to the run that the first one started.
 */
final class JsonAnswer {
    private final HttpClient http;
    private final ClientOptions options;
    private final Backoff backoff;

    JsonAnswer(HttpClient http, ClientOptions options, Backoff backoff) {
        this.http = http;
        this.options = options;
        this.backoff = backoff;
    }

    /**
     * Asks and waits, as long as it takes.
     *
     * @throws OricodeException when the request was refused for good, or the service never answered
     * @throws InterruptedException when the calling thread was interrupted; the run goes on
     */
    RunDocument get(JsonObject body, String idempotencyKey) throws InterruptedException {
        HttpRequest request = request(options, body, idempotencyKey);
        Duration silence = options.silenceAt(ClientOptions.USUAL_HEARTBEAT);
        long started = System.nanoTime();
        boolean heardAny = false;
        while (true) {
            Collected collected = new Collected();
            try (Exchange exchange = Exchange.send(http, request, collected)) {
                collected.await(exchange, silence);
            }
            heardAny |= collected.status == 200;
            if (collected.whole && collected.status == 200) {
                return read(collected.text());
            }
            Problem problem = collected.problem();
            boolean outOfPatience = !heardAny && System.nanoTime() - started > options.startPatience().toNanos();
            if (!problem.worthRetrying() || outOfPatience) {
                throw new OricodeException(problem);
            }
            Thread.sleep(backoff.next(problem.retryAfter()).toMillis());
        }
    }

    static HttpRequest request(ClientOptions options, JsonObject body, String idempotencyKey) {
        return HttpRequest.newBuilder(options.resolve("/api/chat"))
                .header("X-API-Key", options.key())
                .header("Content-Type", "application/json")
                .header("Accept", "application/json")
                .header("Idempotency-Key", idempotencyKey)
                .POST(HttpRequest.BodyPublishers.ofString(Json.text(body)))
                .build();
    }

    private static RunDocument read(String text) {
        try {
            return RunDocument.read(Json.object(text));
        } catch (MalformedEventException malformed) {
            throw new OricodeException(Problem.malformed("The answer is " + malformed.getMessage() + "."));
        }
    }

    /** An answer as far as it came. Written by the exchange's threads, read after {@link #await} returned. */
    private static final class Collected implements Exchange.Listener {
        private final BlockingQueue<Boolean> signsOfLife = new LinkedBlockingQueue<>(); // false = the last one
        private final ByteArrayOutputStream body = new ByteArrayOutputStream();
        private volatile int status;
        private volatile String retryAfter;
        private volatile boolean whole;
        private volatile String broken = "the connection was silent for too long";

        /** Waits until the answer is whole, broken, or silent for {@code silence}. */
        void await(Exchange exchange, Duration silence) throws InterruptedException {
            while (Boolean.TRUE.equals(signsOfLife.poll(silence.toNanos(), TimeUnit.NANOSECONDS))) {
                exchange.more();
            }
        }

        String text() {
            return body.toString(StandardCharsets.UTF_8);
        }

        Problem problem() {
            return whole
                    ? Problem.answer(status, text(), retryAfter)
                    : Problem.unreachable("The service could not be reached: " + broken + ".");
        }

        @Override
        public void opened(int answered, HttpHeaders headers) {
            status = answered;
            retryAfter = headers.firstValue("Retry-After").orElse(null);
            signsOfLife.add(true);
        }

        @Override
        public void bytes(byte[] chunk) {
            body.writeBytes(chunk);
            signsOfLife.add(true);
        }

        @Override
        public void ended(Throwable failure) {
            whole = failure == null;
            broken = failure == null ? "" : Exchange.describe(failure);
            signsOfLife.add(false);
        }
    }
}
