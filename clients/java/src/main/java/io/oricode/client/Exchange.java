package io.oricode.client;

import java.net.ConnectException;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;

/**
 * One HTTP exchange whose body is told as it arrives. It has no time limit of its own: {@code HttpRequest.timeout}
 * would, on newer JDKs, cut a healthy stream. Whoever listens judges the silence and calls {@link #close()}.
 */
final class Exchange implements AutoCloseable {
    /** Chunks that may wait to be taken; the wire is not read further than that. */
    private static final int WINDOW = 8;

    /** Told by one thread at a time, in this order: opened, bytes …, ended; nothing after {@link #close()}. */
    interface Listener {
        void opened(int status, java.net.http.HttpHeaders headers);

        void bytes(byte[] chunk);

        /** @param failure null when the body ended as HTTP says it should */
        void ended(Throwable failure);
    }

    private final Listener listener;
    private final Body body = new Body();
    private CompletableFuture<HttpResponse<Void>> sending;
    private Flow.Subscription subscription;
    private boolean over;

    private Exchange(Listener listener) {
        this.listener = listener;
    }

    /** Sends a request; returns at once. */
    static Exchange send(HttpClient http, HttpRequest request, Listener listener) {
        Exchange exchange = new Exchange(listener);
        CompletableFuture<HttpResponse<Void>> sending = http.sendAsync(request, info -> {
            exchange.tell(() -> listener.opened(info.statusCode(), info.headers()));
            return exchange.body;
        });
        synchronized (exchange) {
            exchange.sending = sending;
        }
        sending.whenComplete((response, failure) -> {
            if (failure != null) {
                exchange.end(failure);
            }
        });
        return exchange;
    }

    /** One chunk was taken: one more may come. */
    void more() {
        Flow.Subscription flowing;
        synchronized (this) {
            flowing = subscription;
        }
        if (flowing != null) {
            flowing.request(1);
        }
    }

    @Override
    public void close() {
        CompletableFuture<HttpResponse<Void>> pending;
        Flow.Subscription flowing;
        synchronized (this) {
            over = true;
            pending = sending;
            flowing = subscription;
        }
        if (flowing != null) {
            flowing.cancel();
        }
        if (pending != null) {
            pending.cancel(true); // before the headers this is what closes the connection
        }
    }

    /** What a failure of the wire is called, for a person. */
    static String describe(Throwable failure) {
        Throwable cause = failure instanceof CompletionException && failure.getCause() != null
                ? failure.getCause()
                : failure;
        if (cause instanceof HttpConnectTimeoutException) {
            return "the service did not answer in time";
        }
        if (cause instanceof ConnectException) {
            return "the service cannot be reached";
        }
        String message = cause.getMessage();
        return "the connection broke" + (message == null ? "" : ": " + message);
    }

    private synchronized void tell(Runnable what) {
        if (!over) {
            what.run();
        }
    }

    private synchronized void end(Throwable failure) {
        if (!over) {
            over = true;
            listener.ended(failure);
        }
    }

    /** The body's side of the exchange; counts as received at once, so that the response is not held back. */
    private final class Body implements HttpResponse.BodySubscriber<Void> {
        @Override
        public CompletionStage<Void> getBody() {
            return CompletableFuture.completedFuture(null);
        }

        @Override
        public void onSubscribe(Flow.Subscription given) {
            boolean tooLate;
            synchronized (Exchange.this) {
                subscription = given;
                tooLate = over;
            }
            if (tooLate) {
                given.cancel();
            } else {
                given.request(WINDOW);
            }
        }

        @Override
        public void onNext(List<ByteBuffer> buffers) {
            byte[] chunk = new byte[buffers.stream().mapToInt(ByteBuffer::remaining).sum()];
            int at = 0;
            for (ByteBuffer buffer : buffers) {
                int size = buffer.remaining();
                buffer.get(chunk, at, size);
                at += size;
            }
            tell(() -> listener.bytes(chunk));
        }

        @Override
        public void onError(Throwable failure) {
            end(failure);
        }

        @Override
        public void onComplete() {
            end(null);
        }
    }
}
