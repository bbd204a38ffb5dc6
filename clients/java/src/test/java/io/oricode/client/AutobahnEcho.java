package io.oricode.client;

import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * This client's WebSocket, sending every message back: what the Autobahn suite's fuzzing server talks to. Not among the
 * tests by its name; {@code make autobahn-clients} runs it with the server's address, and judges by the server's report.
 */
@EnabledIfSystemProperty(named = "oricode.autobahn", matches = "ws:.*")
class AutobahnEcho {
    private static final long LONGEST_CASE_S = 120;

    private final String url = System.getProperty("oricode.autobahn");
    private final String agent = System.getProperty("oricode.agent");
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final ClientOptions options = ClientOptions.of(URI.create(url.replaceFirst("^ws", "http")), "key");
    private final HttpClient http = OricodeClient.http(options, threads);

    @Test
    void passesAllCases() throws Exception {
        int cases = Integer.parseInt(new Echo("/getCaseCount").firstText.get(10, TimeUnit.SECONDS));
        for (int number = 1; number <= cases; number++) {
            new Echo("/runCase?case=" + number + "&agent=" + agent).await();
        }
        new Echo("/updateReports?agent=" + agent).await();
        threads.shutdownNow();
    }

    /** One connection. Parts are put together as {@link WebSocketLink} does it. */
    private final class Echo implements WebSocket.Listener {
        final CompletableFuture<String> firstText = new CompletableFuture<>();
        private final CompletableFuture<Void> over = new CompletableFuture<>();
        private final StringBuilder text = new StringBuilder();
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        private final CompletableFuture<WebSocket> opening;

        Echo(String path) {
            opening = WebSocketLink.dial(http, options, URI.create(url + path), this);
        }

        void await() throws Exception {
            opening.get(10, TimeUnit.SECONDS);
            over.get(LONGEST_CASE_S, TimeUnit.SECONDS);
        }

        @Override
        public CompletionStage<?> onText(WebSocket from, CharSequence part, boolean last) {
            text.append(part);
            if (!last) {
                from.request(1);
                return null;
            }
            String whole = text.toString();
            text.setLength(0);
            firstText.complete(whole);
            return from.sendText(whole, true).whenComplete((sent, failure) -> from.request(1));
        }

        @Override
        public CompletionStage<?> onBinary(WebSocket from, ByteBuffer part, boolean last) {
            byte[] copy = new byte[part.remaining()];
            part.get(copy);
            bytes.writeBytes(copy);
            if (!last) {
                from.request(1);
                return null;
            }
            ByteBuffer whole = ByteBuffer.wrap(bytes.toByteArray());
            bytes.reset();
            return from.sendBinary(whole, true).whenComplete((sent, failure) -> from.request(1));
        }

        @Override
        public CompletionStage<?> onClose(WebSocket from, int code, String reason) {
            over.complete(null);
            return null;
        }

        @Override
        public void onError(WebSocket from, Throwable failure) {
            over.complete(null);
        }
    }
}
