package io.oricode.client;

import java.io.ByteArrayOutputStream;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** A run's events as server-sent events over one HTTP exchange. */
final class SseLink implements Link, Exchange.Listener {
    private static final int LONGEST_REFUSAL = 64 * 1024;

    private final Consumer<Arrival> sink;
    private final SseDecoder decoder = new SseDecoder();
    private String lastId = "";
    private Exchange exchange;
    private boolean closed;

    // Set while an answer that is no stream is being collected.
    private final ByteArrayOutputStream refusal = new ByteArrayOutputStream();
    private int refusedStatus;
    private String retryAfter;

    private SseLink(Consumer<Arrival> sink) {
        this.sink = sink;
    }

    /** Opens the connection; returns at once. */
    static SseLink open(HttpClient http, ClientOptions options, Target target, Consumer<Arrival> sink) {
        SseLink link = new SseLink(sink);
        Exchange exchange = Exchange.send(http, request(options, target), link);
        boolean closedMeanwhile;
        synchronized (link) {
            link.exchange = exchange;
            closedMeanwhile = link.closed;
        }
        if (closedMeanwhile) {
            exchange.close();
        }
        return link;
    }

    static HttpRequest request(ClientOptions options, Target target) {
        HttpRequest.Builder request = HttpRequest.newBuilder()
                .header("X-API-Key", options.key())
                .header("Accept", "text/event-stream");
        if (target.run() == null) {
            return request.uri(options.resolve("/api/chat"))
                    .header("Content-Type", "application/json")
                    .header("Idempotency-Key", target.idempotencyKey())
                    .POST(HttpRequest.BodyPublishers.ofString(Json.text(target.start())))
                    .build();
        }
        if (!target.after().isEmpty()) {
            request.header("Last-Event-ID", target.after());
        }
        String run = URLEncoder.encode(target.run(), StandardCharsets.UTF_8);
        return request.uri(options.resolve("/api/runs/" + run + "/events" + (target.snapshot() ? "?from=snapshot" : "")))
                .build();
    }

    @Override
    public void more() {
        Exchange open;
        synchronized (this) {
            open = exchange;
        }
        if (open != null) {
            open.more();
        }
    }

    @Override
    public void close() {
        Exchange open;
        synchronized (this) {
            closed = true;
            open = exchange;
        }
        if (open != null) {
            open.close();
        }
    }

    @Override
    public void opened(int status, HttpHeaders headers) {
        String type = headers.firstValue("Content-Type").orElse("");
        if (status == 204) {
            give(new Arrival.AlreadyEnded());
        } else if (status != 200) {
            refusedStatus = status;
            retryAfter = headers.firstValue("Retry-After").orElse(null);
        } else if (!type.startsWith("text/event-stream")) {
            give(new Arrival.Refused(Problem.malformed("The answer is not an event stream but " + type + ".")));
            close();
        } else {
            give(new Arrival.Page(List.of(), null)); // the headers are a sign of life too
        }
    }

    @Override
    public void bytes(byte[] chunk) {
        if (refusedStatus != 0) {
            refusal.write(chunk, 0, Math.min(chunk.length, LONGEST_REFUSAL - refusal.size()));
            more();
            return;
        }
        List<Message> messages = new ArrayList<>();
        try {
            for (SseDecoder.ServerSentEvent event : decoder.feed(chunk)) {
                boolean named = !event.id().equals(lastId); // an id that only persists is none of this event's
                lastId = event.id();
                messages.add(new Message(named ? event.id() : "", event.event(), Json.object(event.data())));
            }
            give(new Arrival.Page(messages, decoder.retryMs()));
        } catch (MalformedEventException malformed) {
            give(new Arrival.Refused(Problem.malformed("The service sent data that is " + malformed.getMessage() + ".")));
            close();
        }
    }

    @Override
    public void ended(Throwable failure) {
        if (refusedStatus != 0) {
            String body = refusal.toString(StandardCharsets.UTF_8);
            give(new Arrival.Refused(Problem.answer(refusedStatus, body, retryAfter)));
        } else {
            give(new Arrival.Lost(failure == null ? "the stream ended early" : Exchange.describe(failure)));
        }
    }

    /** Under the lock, so that nothing is told once {@link #close()} has returned. */
    private synchronized void give(Arrival arrival) {
        if (!closed) {
            sink.accept(arrival);
        }
    }
}
