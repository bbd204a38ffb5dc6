package io.oricode.client;

import com.google.gson.JsonObject;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.net.http.WebSocketHandshakeException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;

/**
 * A run's events as WebSocket frames; one run on one connection. Frames that belong to no run only count as signs of
 * life, but for {@code reconnect}.
 */
final class WebSocketLink implements Link, WebSocket.Listener {
    /** Frames that may wait to be taken; the wire is not read further than that. */
    private static final int WINDOW = 8;

    private static final int REF = 1;
    private static final int LOOKS_PER_PING = 2;

    private final Target target;
    private final Consumer<Arrival> sink;
    private final StringBuilder frame = new StringBuilder();
    private WebSocket socket;
    private boolean closed;
    private int looks;
    /** The last ping on its way; only the reader's thread sends pings. */
    private CompletableFuture<WebSocket> pinging = CompletableFuture.completedFuture(null);

    private WebSocketLink(Target target, Consumer<Arrival> sink) {
        this.target = target;
        this.sink = sink;
    }

    /** Opens the connection; returns at once. */
    static WebSocketLink open(HttpClient http, ClientOptions options, Target target, Consumer<Arrival> sink) {
        WebSocketLink link = new WebSocketLink(target, sink);
        URI address = URI.create(options.resolve("/api/ws").toString().replaceFirst("^http", "ws"));
        dial(http, options, address, link).whenComplete((opened, failure) -> {
            if (failure != null) {
                link.give(refusal(failure));
            }
        });
        return link;
    }

    /** A connection with the options that all ours have, whatever answers at the address; returns at once. */
    static CompletableFuture<WebSocket> dial(
            HttpClient http, ClientOptions options, URI address, WebSocket.Listener listener) {
        return http.newWebSocketBuilder()
                .header("X-API-Key", options.key())
                .subprotocols("oricode.v1")
                .connectTimeout(options.connectTimeout())
                .buildAsync(address, listener);
    }

    @Override
    public void more() {
        WebSocket open;
        synchronized (this) {
            open = closed ? null : socket;
        }
        if (open != null) {
            open.request(1);
        }
    }

    /**
     * The JDK can fail to tell of an end of stream that comes right behind a frame. Pings find that out, as writing
     * fails. Their pongs are not counted as signs of life: those are the heartbeats.
     */
    @Override
    public void check() {
        WebSocket open;
        synchronized (this) {
            open = closed || ++looks % LOOKS_PER_PING != 0 || !pinging.isDone() ? null : socket;
        }
        if (open != null) {
            pinging = open.sendPing(ByteBuffer.allocate(0)).whenComplete((sent, failure) -> {
                if (failure != null) {
                    give(new Arrival.Lost(Exchange.describe(failure)));
                }
            });
        }
    }

    @Override
    public void close() {
        WebSocket open;
        synchronized (this) {
            closed = true;
            open = socket;
        }
        if (open != null) {
            open.abort();
        }
    }

    @Override
    public void onOpen(WebSocket opened) {
        synchronized (this) {
            socket = opened;
            if (closed) {
                opened.abort();
                return;
            }
        }
        opened.request(WINDOW);
        opened.sendText(Json.text(command()), true).whenComplete((sent, failure) -> {
            if (failure != null) {
                give(new Arrival.Lost(Exchange.describe(failure)));
            }
        });
    }

    @Override
    public CompletionStage<?> onText(WebSocket from, CharSequence part, boolean last) {
        frame.append(part);
        if (!last) {
            give(new Arrival.Page(List.of(), null));
            return null;
        }
        String text = frame.toString();
        frame.setLength(0);
        try {
            give(read(Json.object(text)));
        } catch (MalformedEventException malformed) {
            give(new Arrival.Refused(Problem.malformed("The service sent data that is " + malformed.getMessage() + ".")));
        }
        return null;
    }

    @Override
    public CompletionStage<?> onPing(WebSocket from, ByteBuffer message) {
        give(new Arrival.Page(List.of(), null));
        return null;
    }

    @Override
    public CompletionStage<?> onPong(WebSocket from, ByteBuffer message) {
        from.request(1);
        return null;
    }

    @Override
    public CompletionStage<?> onClose(WebSocket from, int code, String reason) {
        String phrase = "closed with code " + code + (reason.isEmpty() ? "" : ": " + reason);
        give(ErrorCode.ofClose(code)
                .filter(row -> !row.retryable())
                .<Arrival>map(row -> new Arrival.Refused(new Problem(
                        row.code(), "The connection was " + phrase + ".", row.status(), false, null)))
                .orElse(new Arrival.Lost("the connection was " + phrase)));
        return null;
    }

    @Override
    public void onError(WebSocket from, Throwable failure) {
        give(new Arrival.Lost(Exchange.describe(failure)));
    }

    private JsonObject command() {
        JsonObject data = new JsonObject();
        if (target.run() == null) {
            data = target.start().deepCopy();
            data.addProperty("idempotency_key", target.idempotencyKey());
        } else {
            data.addProperty("run", target.run());
            if (!target.after().isEmpty()) {
                data.addProperty("after", target.after());
            } else if (target.snapshot()) {
                data.addProperty("from", "snapshot");
            }
        }
        JsonObject command = new JsonObject();
        command.addProperty("command", target.run() == null ? "chat" : "attach");
        command.addProperty("ref", REF);
        command.add("data", data);
        return command;
    }

    private static Arrival read(JsonObject frame) {
        if (frame.has("ref")) {
            return reply(frame);
        }
        String event = Fields.string(frame, "event");
        if (Fields.absent(frame, "run") && !event.equals("reconnect")) {
            return new Arrival.Page(List.of(), null);
        }
        String id = Fields.absent(frame, "id") ? "" : Fields.string(frame, "id");
        return new Arrival.Page(List.of(new Message(id, event, Fields.object(frame, "data"))), null);
    }

    private static Arrival reply(JsonObject frame) {
        if (!Fields.bool(frame, "ok")) {
            return new Arrival.Refused(Problem.error(Fields.object(frame, "error"), 0, null));
        }
        boolean ended = Boolean.TRUE.equals(Fields.optionalBool(Fields.object(frame, "data"), "ended"));
        return ended ? new Arrival.AlreadyEnded() : new Arrival.Page(List.of(), null);
    }

    private static Arrival refusal(Throwable failure) {
        Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
        if (cause instanceof WebSocketHandshakeException refused) {
            Object body = refused.getResponse().body();
            return new Arrival.Refused(Problem.answer(
                    refused.getResponse().statusCode(),
                    body instanceof String text ? text : "",
                    refused.getResponse().headers().firstValue("Retry-After").orElse(null)));
        }
        return new Arrival.Lost(Exchange.describe(failure));
    }

    /** Under the lock, so that nothing is told once {@link #close()} has returned. */
    private synchronized void give(Arrival arrival) {
        if (!closed) {
            sink.accept(arrival);
        }
    }
}
