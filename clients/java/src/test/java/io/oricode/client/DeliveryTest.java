package io.oricode.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a {@link StreamingCallback} is told. */
@Timeout(30)
class DeliveryTest {
    private final ScriptedServer server = new ScriptedServer();
    private final OricodeClient client = new OricodeClient(ClientOptions.of(server.base(), "key_1"));

    @AfterEach
    void tearDown() {
        client.close();
        server.close();
    }

    @Test
    void aChunkedDeploymentShowsItsMessagesAndWholePercents() throws InterruptedException {
        List<String> told = tell("chunk stored");
        List<String> progress = told.stream().filter(line -> line.startsWith("progress")).toList();
        List<String> expected = Golden.objects(run("chunk stored").get("events")).stream()
                .filter(event -> event.get("event").getAsString().equals("progress"))
                .map(event -> event.getAsJsonObject("data"))
                .map(data -> "progress " + data.get("message").getAsString() + " "
                        + (data.has("progress") ? (int) Math.floor(data.get("progress").getAsDouble()) : -1))
                .toList();
        assertEquals(expected, progress);
        assertEquals(true, progress.stream().anyMatch(line -> line.endsWith(" 37")), progress.toString());
        assertEquals("complete", told.get(told.size() - 1));
    }

    @Test
    void aVoidedAttemptReplacesWhatWasShown() throws InterruptedException {
        assertEquals(
                List.of("content Half a sent", "replaced ", "content A whole sentence.", "complete"),
                tell("attempt voided"));
    }

    @Test
    void aFailedRunEndsInItsErrorSentence() throws InterruptedException {
        assertEquals(
                List.of("content I was", "error The model is overloaded; try again in a while."),
                tell("failed upstream"));
    }

    @Test
    void aCancelledRunIsStopped() throws InterruptedException {
        assertEquals(List.of("content To be or not", "stopped"), tell("cancelled in mid-sentence"));
    }

    @Test
    void whatAPersonOrTheClientMustAnswerIsTold() throws InterruptedException {
        List<String> told = tell("approval and client tool");
        assertEquals(true, told.contains("approval appr_1"), told.toString());
        assertEquals(true, told.contains("tool read_editor client"), told.toString());
    }

    @Test
    void aRefusalIsAnError() throws InterruptedException {
        server.then(ScriptedServer.problem("unauthorized", 401, false, ""));
        Told told = new Told();
        client.start(ChatRequest.of("Hi")).deliver(told);
        assertEquals(List.of("error Sorry: unauthorized."), told.lines);
    }

    @Test
    void aThrowingCallbackClosesTheRun() {
        script("simple");
        ChatRun run = client.start(ChatRequest.of("Hi"));
        assertThrows(IllegalStateException.class, () -> run.deliver(new Told() {
            @Override
            public void onContent(String text) {
                throw new IllegalStateException("no room");
            }
        }));
        Signal after = assertDoesNotBlock(run);
        assertEquals(new Signal.Ended(new Ending.ByCaller(false)), after);
    }

    @Test
    void streamingInTheBackgroundTellsFromOneThreadOfItsOwn() throws InterruptedException {
        script("simple");
        CountDownLatch over = new CountDownLatch(1);
        List<Thread> threads = new ArrayList<>();
        client.stream(ChatRequest.of("Hi"), new Told() {
            @Override
            public void onEvent(ChatRun run, Event event) {
                threads.add(Thread.currentThread());
            }

            @Override
            public void onComplete() {
                over.countDown();
            }
        });
        assertEquals(true, over.await(10, TimeUnit.SECONDS));
        assertEquals(1, threads.stream().distinct().count());
        assertEquals(true, threads.get(0).isDaemon());
    }

    private static Signal assertDoesNotBlock(ChatRun run) {
        try {
            return run.next();
        } catch (InterruptedException unexpected) {
            throw new AssertionError(unexpected);
        }
    }

    private List<String> tell(String golden) throws InterruptedException {
        script(golden);
        Told told = new Told();
        client.start(ChatRequest.of("Hi")).deliver(told);
        return told.lines;
    }

    private void script(String golden) {
        String wire = run(golden).get("sse").getAsString();
        server.then((request, socket) -> play(new SseStage(request, socket), wire, socket));
    }

    private static void play(SseStage stage, String wire, Socket socket) throws IOException {
        stage.open();
        stage.chunk(wire);
        ScriptedServer.closedByPeer(socket);
    }

    private static JsonObject run(String name) {
        return Golden.cases("runs").stream()
                .filter(golden -> golden.get("name").getAsString().equals(name))
                .findFirst()
                .orElseThrow();
    }

    /** Writes down what it is told. */
    private static class Told implements StreamingCallback {
        final List<String> lines = new ArrayList<>();

        @Override
        public void onConnected() {
            lines.add("connected");
        }

        @Override
        public void onHeartbeat() {
            lines.add("heartbeat");
        }

        @Override
        public void onContent(String text) {
            lines.add("content " + text);
        }

        @Override
        public void onProgress(String message, int percent) {
            lines.add("progress " + message + " " + percent);
        }

        @Override
        public void onComplete() {
            lines.add("complete");
        }

        @Override
        public void onError(String error) {
            lines.add("error " + error);
        }

        @Override
        public void onStopped() {
            lines.add("stopped");
        }

        @Override
        public void onReplaced(String text) {
            lines.add("replaced " + text);
        }

        @Override
        public void onToolCall(Event.ToolCall call) {
            lines.add("tool " + call.name() + " " + call.runs());
        }

        @Override
        public void onApprovalRequired(Event.ApprovalRequired approval) {
            lines.add("approval " + approval.approvalId());
        }
    }
}
