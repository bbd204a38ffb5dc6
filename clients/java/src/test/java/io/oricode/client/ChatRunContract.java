package io.oricode.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What reading a run does, over every wire. PROTOCOL.md, sections 4 and 9. */
@Timeout(30)
abstract class ChatRunContract {
    /** A script of a service, over the wire of the test. */
    interface Play {
        void play(Stage stage) throws IOException, InterruptedException;
    }

    final ScriptedServer server = new ScriptedServer();
    final BlockingQueue<Stage.Wish> wishes = new LinkedBlockingQueue<>();
    OricodeClient client = new OricodeClient(options());

    abstract ClientOptions.Transport transport();

    abstract Stage stage(ScriptedServer.Request request, Socket socket);

    ClientOptions options() {
        return ClientOptions.of(server.base(), "key_1")
                .withTransport(transport())
                .withBackoff(Duration.ofMillis(5), Duration.ofMillis(20));
    }

    @AfterEach
    void tearDown() {
        client.close();
        server.close();
    }

    @Test
    void eventsComeInOrderAndTheServerEndsTheRun() throws InterruptedException {
        script(stage -> {
            stage.connected("new");
            stage.messageStart(1, 1);
            stage.content(2, "Hello, ");
            stage.heartbeat();
            stage.content(3, "world.");
            stage.done(4, "completed");
        });
        ChatRun run = start();
        List<String> seen = new ArrayList<>();
        Ending ending = pull(run, seen);
        assertEquals(List.of("connected", "message_start", "content", "heartbeat", "content", "done"), seen);
        Ending.ByServer byServer = assertInstanceOf(Ending.ByServer.class, ending);
        assertEquals("completed", byServer.done().orElseThrow().status());
        assertEquals("Hello, world.", run.fold().text());
        assertEquals(Stage.id(4), run.cursor());
        assertEquals(Stage.RUN, run.runId());
        assertEquals("chat_1", run.chatId());
        assertEquals(new Signal.Ended(ending), run.next(), "and stays ended");
    }

    @Test
    void theRequestCarriesBodyAndAFreshIdempotencyKey() throws InterruptedException {
        script(stage -> stage.done(1, "completed"));
        script(stage -> stage.done(1, "completed"));
        pull(client.start(ChatRequest.of("Hi").chatId("chat_1").clientType("eclipse").maxTokens(7)));
        pull(start());
        Stage.Wish wish = wishes.take();
        JsonObject body = Json.object(wish.startBody());
        assertEquals("Hi", body.get("prompt").getAsString());
        assertEquals("chat_1", body.get("chat_id").getAsString());
        assertEquals(7, body.get("max_tokens").getAsInt());
        assertTrue(body.get("stream").getAsBoolean());
        assertNotNull(wish.idempotencyKey());
        assertEquals(false, wish.idempotencyKey().equals(wishes.take().idempotencyKey()));
        assertEquals("key_1", server.takeRequest().header("x-api-key"));
    }

    @Test
    void aDropInMidRunIsResumedBehindTheLastEvent() throws InterruptedException {
        CountDownLatch heard = new CountDownLatch(1);
        script(stage -> {
            stage.connected("new");
            stage.messageStart(1, 1);
            stage.content(2, "one ");
            heard.await();
            stage.drop();
        });
        script(stage -> {
            stage.connected("replay");
            stage.content(3, "two");
            stage.done(4, "completed");
        });
        ChatRun run = start();
        for (int events = 0; events < 3; events++) {
            run.next();
        }
        heard.countDown();
        List<String> seen = new ArrayList<>();
        pull(run, seen);
        assertEquals(List.of("reconnecting", "connected", "content", "done"), seen);
        assertEquals("one two", run.fold().text());
        wishes.take();
        assertEquals(new Stage.Wish(null, null, Stage.RUN, Stage.id(2), false), wishes.take());
    }

    @Test
    void everyCharacterComesOnceOverManyDrops() throws InterruptedException {
        int pieces = 40;
        for (int connection = 0; connection <= pieces; connection++) {
            script((stage, wish) -> {
                stage.connected(wish.run() == null ? "new" : "replay");
                int seq = wish.after().isEmpty() ? 1 : Integer.parseInt(wish.after().replaceFirst(".*\\.", "")) + 1;
                if (seq == 1) {
                    stage.messageStart(seq++, 1);
                }
                for (int sent = 0; sent < 3 && seq <= pieces + 1; sent++, seq++) {
                    stage.content(seq, "<" + (seq - 1) + ">");
                }
                if (seq > pieces + 1) {
                    stage.done(seq, "completed");
                } else {
                    stage.sayHalf(Stage.id(seq), "content", Stage.contentData("<half>"));
                    stage.drop(); // a reset may take with it what was not read yet: the client's cursor decides
                }
            });
        }
        ChatRun run = start();
        pull(run);
        StringBuilder expected = new StringBuilder();
        for (int piece = 1; piece <= pieces; piece++) {
            expected.append('<').append(piece).append('>');
        }
        assertEquals(expected.toString(), run.fold().text());
    }

    /**
     * How many events each connection shows before it drops; -1: it drops without an answer. The last one shows the rest.
     * Twins: {@code test_resume.py}, {@code resume.test.ts}. Others' clients forget the cursor at the second drop, or get
     * events again.
     */
    @ParameterizedTest
    @ValueSource(strings = {
        "2 0 2", // drop, resume, drop before the first event, resume
        "2 0 0 1", // two empty resumes
        "0 0 0 0", // behind nothing
        "1 0 1 0 1 0",
        "3 -1 -1 1", // not even connected, twice
        "0 -1 0 -1",
    })
    void theCursorSurvivesResumesThatBroughtNothing(String table) throws InterruptedException {
        List<String> words = List.of("", "One, ", "two, ", "three, ", "four."); // the first is the message's start
        List<Integer> shown = Stream.of(table.split(" ")).map(Integer::valueOf).toList();
        Semaphore heard = new Semaphore(0); // a reset may take with it what was not read yet
        List<String> cursors = new ArrayList<>();
        int at = 0;
        for (int connection = 0; connection < shown.size(); connection++) {
            int count = shown.get(connection);
            int from = at;
            int to = at + Math.max(count, 0);
            String resume = connection == 0 ? "new" : "replay";
            scriptRaw(stage -> {
                if (count >= 0) {
                    wishes.add(stage.open());
                    stage.connected(resume);
                    tell(stage, words, from, to);
                    heard.acquire(1 + count);
                }
                stage.drop();
            });
            at = to;
            if (connection + 1 == shown.size() || shown.get(connection + 1) >= 0) {
                cursors.add(at == 0 ? "" : Stage.id(at));
            }
        }
        int rest = at;
        script(stage -> {
            stage.connected("replay");
            tell(stage, words, rest, words.size());
            stage.done(words.size() + 1, "completed");
        });
        ChatRun run = start();
        List<String> seen = new ArrayList<>();
        Signal signal = run.next();
        for (; !(signal instanceof Signal.Ended); signal = run.next()) {
            if (signal instanceof Signal.Received received) {
                seen.add(received.event().event());
                heard.release();
            }
        }
        assertEquals(String.join("", words), run.fold().text());
        assertEquals(words.size() - 1, seen.stream().filter("content"::equals).count());
        assertNotNull(wishes.take().idempotencyKey());
        for (String cursor : cursors) {
            assertEquals(new Stage.Wish(null, null, Stage.RUN, cursor, false), wishes.take());
        }
    }

    private static void tell(Stage stage, List<String> words, int from, int to) throws IOException {
        for (int piece = from; piece < to; piece++) {
            if (piece == 0) {
                stage.messageStart(1, 1);
            } else {
                stage.content(piece + 1, words.get(piece));
            }
        }
    }

    @Test
    void aDropBeforeTheFirstEventTwiceSendsTheSameStartWithTheSameKey() throws InterruptedException {
        scriptRaw(Stage::drop);
        script(Stage::drop);
        script(stage -> {
            stage.connected("new");
            stage.done(1, "completed");
        });
        ChatRun run = client.start(ChatRequest.of("Hi"), "idem_1");
        Ending ending = pull(run);
        assertInstanceOf(Ending.ByServer.class, ending);
        Stage.Wish second = wishes.take();
        Stage.Wish third = wishes.take();
        assertEquals("idem_1", second.idempotencyKey());
        assertEquals(second, third);
        assertEquals(3, server.untakenRequests());
    }

    @Test
    void aDropBehindConnectedAttachesToTheRunInsteadOfStartingAnother() throws InterruptedException {
        CountDownLatch heard = new CountDownLatch(1);
        script(stage -> {
            stage.connected("new");
            heard.await();
            stage.drop();
        });
        script(stage -> stage.done(1, "completed"));
        ChatRun run = start();
        run.next();
        heard.countDown();
        pull(run);
        wishes.take();
        assertEquals(new Stage.Wish(null, null, Stage.RUN, "", false), wishes.take());
    }

    @Test
    void silenceIsAnEndOfTheConnectionAndNotOfTheRun() throws InterruptedException {
        CompletableFuture<Boolean> left = new CompletableFuture<>();
        script(stage -> {
            stage.connected("new");
            stage.messageStart(1, 1);
            stage.sayHalf(Stage.id(2), "content", Stage.contentData("half"));
            left.complete(ScriptedServer.closedByPeer(stage.socket()));
        });
        script(stage -> {
            stage.connected("replay");
            stage.content(2, "whole");
            stage.done(3, "completed");
        });
        ChatRun run = patient(Duration.ofMillis(300)).start(ChatRequest.of("Hi"));
        List<String> seen = new ArrayList<>();
        pull(run, seen);
        assertEquals(
                List.of("connected", "message_start", "reconnecting", "connected", "content", "done"), seen);
        assertEquals("whole", run.fold().text(), "the half event was discarded");
        assertTrue(left.join(), "the dead connection was closed");
        wishes.take();
        assertEquals(Stage.id(1), wishes.take().after());
    }

    @Test
    void theServicesHeartbeatIntervalDefinesSilence() throws InterruptedException {
        script(stage -> {
            stage.connected("new", 1);
            ScriptedServer.closedByPeer(stage.socket());
        });
        script(stage -> stage.done(1, "completed"));
        ChatRun run = start();
        run.next();
        long before = System.nanoTime();
        assertInstanceOf(Signal.Reconnecting.class, run.next());
        long waitedMs = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - before);
        assertTrue(waitedMs >= 4900, "2 × 1 ms + 5 s, not " + waitedMs + " ms");
        pull(run);
    }

    @Test
    void slowBytesAreNotSilence() throws InterruptedException {
        script(stage -> {
            stage.connected("new");
            stage.saySlowly(Stage.id(1), "done", "{\"message\": \"m\", \"status\": \"completed\"}", 25);
        });
        List<String> seen = new ArrayList<>();
        pull(patient(Duration.ofMillis(600)).start(ChatRequest.of("Hi")), seen);
        assertEquals(List.of("connected", "done"), seen);
    }

    @Test
    void anAnnouncedReconnectionIsResumedAfterTheTimeItNames() throws InterruptedException {
        script(stage -> {
            stage.connected("new");
            stage.messageStart(1, 1);
            stage.say("", "reconnect", "{\"after_ms\": 250, \"reason\": \"deploy\"}");
            ScriptedServer.closedByPeer(stage.socket());
        });
        script(stage -> stage.done(2, "completed"));
        ChatRun run = start();
        run.next();
        run.next();
        Signal.Reconnecting signal = assertInstanceOf(Signal.Reconnecting.class, run.next());
        assertEquals("deploy", signal.reason());
        assertTrue(signal.delay().toMillis() >= 250, signal.delay().toString());
        assertInstanceOf(Ending.ByServer.class, pull(run));
        wishes.take();
        assertEquals(Stage.id(1), wishes.take().after());
    }

    @Test
    void anEndedRunIsNotReadAgain() throws InterruptedException {
        scriptRaw(Stage::alreadyEnded);
        Ending ending = pull(client.attach(Stage.RUN, Stage.id(9)));
        assertEquals(java.util.Optional.empty(), assertInstanceOf(Ending.ByServer.class, ending).done());
    }

    @Test
    void aRefusalForGoodBreaksTheReadingAtOnce() throws InterruptedException {
        scriptRaw(Stage::refuse);
        Ending.Broken broken = assertInstanceOf(Ending.Broken.class, pull(start()));
        assertEquals("unauthorized", broken.problem().code());
        assertEquals(401, broken.problem().status());
        server.takeRequest();
        assertEquals(0, server.untakenRequests(), "nothing was sent again");
    }

    @Test
    void dataThatIsNotTheProtocolsBreaksTheReading() throws InterruptedException {
        script(stage -> {
            stage.connected("new");
            stage.say(Stage.id(1), "content", "{\"index\": 0}");
            ScriptedServer.closedByPeer(stage.socket());
        });
        Ending.Broken broken = assertInstanceOf(Ending.Broken.class, pull(start()));
        assertEquals("malformed_data", broken.problem().code());
    }

    @Test
    void eventsAndFieldsOfANewerServiceDoNotDisturb() throws InterruptedException {
        script(stage -> {
            stage.connected("new");
            stage.messageStart(1, 1);
            stage.say(Stage.id(2), "weather", "{\"sunny\": [true]}");
            stage.say(Stage.id(3), "content", "{\"text\": \"x\", \"index\": 0, \"new\": null}");
            stage.done(4, "completed");
        });
        ChatRun run = start();
        List<String> seen = new ArrayList<>();
        pull(run, seen);
        assertEquals(List.of("connected", "message_start", "weather", "content", "done"), seen);
        assertEquals("x", run.fold().text());
    }

    @Test
    void aGapIsFilledByASnapshot() throws InterruptedException {
        script(stage -> {
            stage.connected("gap");
            stage.say(Stage.id(7), "snapshot", "{\"run_id\": \"run_1\", \"status\": \"running\", \"text\": \"so far\", "
                    + "\"messages\": [{\"message_id\": \"msg_1\", \"turn\": 1, \"attempt\": 1, \"model\": \"m\", "
                    + "\"complete\": false, \"blocks\": [{\"index\": 0, \"type\": \"text\", \"text\": \"so far\"}]}], "
                    + "\"tool_calls\": [], \"approvals\": []}");
            stage.content(8, ", so good");
            stage.done(9, "completed");
        });
        ChatRun run = client.attach(Stage.RUN, Stage.id(3));
        pull(run);
        assertEquals("so far, so good", run.fold().text());
        assertEquals(Stage.id(3), wishes.take().after());
    }

    @Test
    void attachingFoldedAsksForASnapshot() throws InterruptedException {
        script(stage -> stage.done(1, "completed"));
        pull(client.attachFolded(Stage.RUN));
        assertEquals(new Stage.Wish(null, null, Stage.RUN, "", true), wishes.take());
    }

    @Test
    void closingFromAnotherThreadEndsTheReadingAndNotTheRun() throws InterruptedException {
        CompletableFuture<Boolean> left = new CompletableFuture<>();
        script(stage -> {
            stage.connected("new");
            left.complete(ScriptedServer.closedByPeer(stage.socket()));
        });
        ChatRun run = start();
        run.next();
        CompletableFuture<Ending> ending = new CompletableFuture<>();
        inThread(() -> ending.complete(pull(run)));
        run.close();
        assertEquals(new Ending.ByCaller(false), ending.join());
        assertTrue(left.join());
        server.takeRequest();
        assertEquals(0, server.untakenRequests(), "closing cancels nothing");
    }

    @Test
    void closingWhileReconnectingEndsTheReadingAtOnce() throws InterruptedException {
        server.vanish();
        client = new OricodeClient(options().withBackoff(Duration.ofHours(1), Duration.ofHours(1)));
        ChatRun run = start();
        assertInstanceOf(Signal.Reconnecting.class, run.next());
        CompletableFuture<Ending> ending = new CompletableFuture<>();
        inThread(() -> ending.complete(pull(run)));
        run.close();
        assertEquals(new Ending.ByCaller(false), ending.join());
    }

    @Test
    void cancellingIsAskedOfTheServiceWhoseDoneEndsTheRun() throws InterruptedException {
        CountDownLatch cancelled = new CountDownLatch(1);
        script(stage -> {
            stage.connected("new");
            stage.messageStart(1, 1);
            cancelled.await();
            stage.done(2, "cancelled");
        });
        server.onCancel((request, socket) -> {
            ScriptedServer.answer(202, "", "{\"status\": \"cancelling\"}").play(request, socket);
            cancelled.countDown();
        });
        ChatRun run = start();
        run.next();
        run.cancel();
        Ending.ByServer ending = assertInstanceOf(Ending.ByServer.class, pull(run));
        assertEquals("cancelled", ending.done().orElseThrow().status());
        assertEquals("/api/runs/run_1/cancel", server.takeCancel().path());
    }

    @Test
    void cancellingBeforeTheRunIsKnownIsSentWhenItIs() throws InterruptedException {
        CountDownLatch cancelled = new CountDownLatch(1);
        script(stage -> {
            stage.connected("new");
            cancelled.await();
            stage.done(1, "cancelled");
        });
        server.onCancel((request, socket) -> {
            ScriptedServer.answer(202, "", "{}").play(request, socket);
            cancelled.countDown();
        });
        ChatRun run = start();
        run.cancel();
        assertInstanceOf(Ending.ByServer.class, pull(run));
        server.takeCancel();
    }

    @Test
    void aLostCancelIsSentAgain() throws InterruptedException {
        CountDownLatch cancelled = new CountDownLatch(1);
        script(stage -> {
            stage.connected("new");
            while (!cancelled.await(20, TimeUnit.MILLISECONDS)) {
                stage.heartbeat();
            }
            stage.done(1, "cancelled");
        });
        server.onCancel((request, socket) -> socket.close());
        server.onCancel(ScriptedServer.problem("restarting", 503, true, ""));
        server.onCancel((request, socket) -> {
            ScriptedServer.answer(202, "", "{}").play(request, socket);
            cancelled.countDown();
        });
        ChatRun run = start();
        run.next();
        run.cancel();
        assertInstanceOf(Ending.ByServer.class, pull(run));
    }

    @Test
    void cancellingEndsTheReadingEvenWhenTheServiceStaysAway() throws InterruptedException {
        script(stage -> {
            stage.connected("new");
            ScriptedServer.closedByPeer(stage.socket());
        });
        client = new OricodeClient(options().withCancelGrace(Duration.ofMillis(200)));
        ChatRun run = start();
        run.next();
        run.cancel();
        assertEquals(new Ending.ByCaller(true), pull(run));
    }

    @Test
    void aServiceThatNeverAnsweredBreaksTheReadingAfterAWhile() throws InterruptedException {
        server.vanish();
        client = new OricodeClient(options().withStartPatience(Duration.ofMillis(200)));
        Ending.Broken broken = assertInstanceOf(Ending.Broken.class, pull(start()));
        assertEquals("unreachable", broken.problem().code());
    }

    @Test
    void aServiceThatAnsweredOnceIsResumedForAsLongAsItTakes() throws InterruptedException {
        CountDownLatch heard = new CountDownLatch(1);
        script(stage -> {
            stage.connected("new");
            heard.await();
            stage.drop();
        });
        for (int refusals = 0; refusals < 8; refusals++) {
            server.then((request, socket) -> socket.close()); // accepted, and gone
        }
        script(stage -> stage.done(1, "completed"));
        client = new OricodeClient(options().withStartPatience(Duration.ZERO));
        ChatRun run = start();
        run.next();
        heard.countDown();
        assertInstanceOf(Ending.ByServer.class, pull(run));
    }

    @Test
    void aSlowReaderHoldsTheWireBackInsteadOfFillingMemory() throws InterruptedException {
        BlockingQueue<Integer> sent = new LinkedBlockingQueue<>();
        int pieces = 4000;
        script(stage -> {
            stage.connected("new");
            stage.messageStart(1, 1);
            for (int piece = 0; piece < pieces; piece++) {
                stage.content(piece + 2, "x".repeat(8000));
                sent.add(piece);
            }
            stage.done(pieces + 2, "completed");
        });
        ChatRun run = start();
        run.next();
        while (sent.poll(1, TimeUnit.SECONDS) != null) {
            // until the service was not able to send for a second
        }
        assertNull(sent.peek());
        pull(run);
        assertEquals(pieces * 8000, run.fold().text().length());
    }

    @Test
    void anInterruptedPullCanBeContinued() throws InterruptedException {
        CountDownLatch interrupted = new CountDownLatch(1);
        script(stage -> {
            stage.connected("new");
            interrupted.await();
            stage.done(1, "completed");
        });
        ChatRun run = start();
        run.next();
        Thread.currentThread().interrupt();
        try {
            run.next();
            throw new AssertionError("not interrupted");
        } catch (InterruptedException expected) {
            interrupted.countDown();
        }
        assertInstanceOf(Ending.ByServer.class, pull(run));
    }

    // What the tests are written in.

    /** As {@link Play}, for scripts that depend on what was asked for. */
    interface Answer {
        void play(Stage stage, Stage.Wish wish) throws IOException, InterruptedException;
    }

    void script(Play play) {
        script((stage, wish) -> play.play(stage));
    }

    void script(Answer answer) {
        scriptRaw(stage -> {
            Stage.Wish wish = stage.open();
            wishes.add(wish);
            answer.play(stage, wish);
        });
    }

    /** After the script the connection stays until the client closes it, unless the script broke it. */
    void scriptRaw(Play play) {
        server.then((request, socket) -> {
            play.play(stage(request, socket));
            if (!socket.isClosed()) {
                ScriptedServer.closedByPeer(socket);
            }
        });
    }

    ChatRun start() {
        return client.start(ChatRequest.of("Hi"));
    }

    OricodeClient patient(Duration silence) {
        client.close();
        client = new OricodeClient(options().withSilence(silence));
        return client;
    }

    static Ending pull(ChatRun run) {
        return pull(run, new ArrayList<>());
    }

    static Ending pull(ChatRun run, List<String> seen) {
        try {
            while (true) {
                Signal signal = run.next();
                if (signal instanceof Signal.Received received) {
                    seen.add(received.event().event());
                } else if (signal instanceof Signal.Reconnecting) {
                    seen.add("reconnecting");
                } else if (signal instanceof Signal.Ended ended) {
                    return ended.ending();
                }
            }
        } catch (InterruptedException unexpected) {
            throw new AssertionError(unexpected);
        }
    }

    static void inThread(Runnable work) {
        Thread thread = new Thread(work, "test-reader");
        thread.setDaemon(true);
        thread.start();
    }
}
