package io.oricode.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.net.Socket;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A client's threads end with it. */
@Timeout(60)
class ThreadsTest {
    @ParameterizedTest
    @EnumSource
    void nothingIsLeftOfAClientThatDidEverything(ClientOptions.Transport transport) throws InterruptedException {
        Set<Long> before = threads().stream().map(Thread::getId).collect(Collectors.toSet());
        try (ScriptedServer server = new ScriptedServer()) {
            useAndClose(server, transport);
        }
        Set<Thread> left = new HashSet<>();
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        do {
            System.gc(); // the JDK ends an HttpClient's own thread when nobody refers to the client any more
            left.clear();
            threads().stream().filter(thread -> !before.contains(thread.getId())).forEach(left::add);
            Thread.onSpinWait();
        } while (!left.isEmpty() && System.nanoTime() < deadline);
        assertEquals(Set.of(), left);
    }

    @Test
    void aRunThatNobodyPullsAnyMoreHoldsNoThread() throws InterruptedException {
        try (ScriptedServer server = new ScriptedServer();
                OricodeClient client = new OricodeClient(ClientOptions.of(server.base(), "key_1"))) {
            for (int run = 0; run < 20; run++) {
                server.then((request, socket) -> silent(new SseStage(request, socket), socket));
                client.start(ChatRequest.of("Hi")).next();
            }
            assertFalse(threads().stream().anyMatch(thread -> thread.getName().startsWith("oricode-run")));
        }
    }

    @Test
    void aClosedClientStartsNothing() {
        OricodeClient client = new OricodeClient(ClientOptions.of(java.net.URI.create("http://127.0.0.1:1"), "key_1"));
        client.close();
        assertThrows(IllegalStateException.class, () -> client.start(ChatRequest.of("Hi")));
    }

    private static void useAndClose(ScriptedServer server, ClientOptions.Transport transport)
            throws InterruptedException {
        try (OricodeClient client = new OricodeClient(ClientOptions.of(server.base(), "key_1")
                .withTransport(transport)
                .withBackoff(Duration.ofMillis(5), Duration.ofMillis(20)))) {
            for (int run = 0; run < 5; run++) {
                server.then((request, socket) -> stage(transport, request, socket).drop());
                server.then((request, socket) -> {
                    Stage stage = stage(transport, request, socket);
                    stage.open();
                    stage.connected("new");
                    stage.done(1, "completed");
                    ScriptedServer.closedByPeer(socket);
                });
                ChatRunContract.pull(client.start(ChatRequest.of("Hi")));
            }
            server.then((request, socket) -> silent(stage(transport, request, socket), socket));
            client.start(ChatRequest.of("left open")).next();
            server.then((request, socket) -> silent(stage(transport, request, socket), socket));
            client.stream(ChatRequest.of("left running"), new Silent());
            while (server.untakenRequests() < 12) {
                Thread.onSpinWait(); // until the last of the twelve has arrived
            }
        }
    }

    private static void silent(Stage stage, Socket socket) throws IOException {
        stage.open();
        stage.connected("new");
        ScriptedServer.closedByPeer(socket);
    }

    private static Stage stage(ClientOptions.Transport transport, ScriptedServer.Request request, Socket socket) {
        return transport == ClientOptions.Transport.SSE
                ? new SseStage(request, socket)
                : new WebSocketStage(request, socket);
    }

    private static Set<Thread> threads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith("oricode-")
                        || thread.getName().startsWith("HttpClient-")
                        || thread.getName().startsWith("Thread-"))
                .collect(Collectors.toSet());
    }

    private static final class Silent implements StreamingCallback {
        @Override
        public void onConnected() {}

        @Override
        public void onHeartbeat() {}

        @Override
        public void onContent(String text) {}

        @Override
        public void onProgress(String message, int percent) {}

        @Override
        public void onComplete() {}

        @Override
        public void onError(String error) {}
    }
}
