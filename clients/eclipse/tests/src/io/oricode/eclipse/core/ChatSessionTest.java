package io.oricode.eclipse.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.reflect.Proxy;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.eclipse.core.runtime.preferences.IEclipsePreferences;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a view is shown of a session, against a small HTTP server that plays golden runs. */
@Timeout(60)
class ChatSessionTest {
    private static final String HELD = "The run is held until the test says so.";

    private final Map<String, String> stored = new HashMap<>();
    private final LinkedBlockingQueue<JsonObject> asked = new LinkedBlockingQueue<>();
    private final LinkedBlockingQueue<String> posted = new LinkedBlockingQueue<>();
    private final CountDownLatch held = new CountDownLatch(1);
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final Object changes = new Object();
    private String key = "key_1";
    private String played = "simple";
    private HttpServer server;
    private ChatSession session;

    @BeforeEach
    void open() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(threads);
        server.createContext("/api/", this::serve);
        server.start();
        stored.put(ServiceSettings.URL, "http://127.0.0.1:" + server.getAddress().getPort());
        session = session();
    }

    @AfterEach
    void close() {
        held.countDown();
        session.close();
        server.stop(0);
        threads.shutdownNow();
    }

    @Test
    void anAnswerIsShownUnderTheQuestion() throws IOException, InterruptedException {
        session.ask("Explain it", "Explain it: x");
        Look look = await(seen -> seen.status().phase() == Status.Phase.COMPLETE && "".equals(stored.get("unfinished.run")));
        assertEquals(new Entry(Entry.Kind.YOU, "Explain it"), look.entries().get(0));
        assertEquals(golden("simple").get("text").getAsString().strip(), look.entries().get(1).text());
        assertEquals("✓ Complete", look.status().label());
        JsonObject request = asked.take();
        assertEquals("Explain it: x", request.get("prompt").getAsString());
        assertEquals("eclipse", request.get("client_type").getAsString());
        assertEquals(2, request.getAsJsonArray("tools").size());
    }

    @Test
    void theNextQuestionBelongsToTheSameChatAndANewChatToNone() throws InterruptedException {
        session.ask("one", "one");
        await(seen -> seen.status().phase() == Status.Phase.COMPLETE);
        session.ask("two", "two");
        await(seen -> seen.entries().size() == 4 && seen.status().phase() == Status.Phase.COMPLETE);
        session.newChat();
        assertEquals(List.of(), session.look().entries());
        session.ask("three", "three");
        await(seen -> seen.status().phase() == Status.Phase.COMPLETE);
        assertEquals(false, asked.take().has("chat_id"));
        assertEquals("chat_1", asked.take().get("chat_id").getAsString());
        assertEquals(false, asked.take().has("chat_id"));
    }

    @Test
    void aVoidedAttemptIsNotShown() throws InterruptedException {
        played = "attempt-voided";
        session.ask("one", "one");
        Look look = await(seen -> seen.status().phase() == Status.Phase.COMPLETE);
        assertEquals(List.of("one", "A whole sentence."), look.entries().stream().map(Entry::text).toList());
    }

    @Test
    void aFailureIsToldOnceAndThePersonCanGoOn() throws InterruptedException {
        played = "failed-upstream";
        session.ask("one", "one");
        Look look = await(seen -> seen.status().phase() == Status.Phase.FAILED);
        assertEquals(1, look.failures());
        assertEquals("The model is overloaded; try again in a while.", look.failure());
        assertEquals(Entry.Kind.NOTE, look.entries().get(look.entries().size() - 1).kind());
        played = "simple";
        session.ask("two", "two");
        assertEquals(1, await(seen -> seen.status().phase() == Status.Phase.COMPLETE).failures());
    }

    @Test
    void withoutAKeyThePersonIsToldWhereToEnterIt() throws InterruptedException {
        key = "";
        session.ask("one", "one");
        Look look = await(seen -> seen.status().phase() == Status.Phase.FAILED);
        assertTrue(look.failure().contains("Preferences > Oricode"), look.failure());
    }

    @Test
    void stoppingAsksTheServiceAndALiveRunTakesNoSecondQuestion() throws InterruptedException {
        played = HELD;
        session.ask("one", "one");
        await(seen -> seen.status().phase() == Status.Phase.WORKING);
        session.ask("two", "two");
        session.stop();
        assertEquals("Stopping…", session.look().status().label());
        assertEquals("/api/runs/run_held/cancel", posted.poll(10, TimeUnit.SECONDS));
        held.countDown();
        await(seen -> seen.status().phase() == Status.Phase.STOPPED);
        assertEquals(1, asked.size());
    }

    @Test
    void whatARunSaysAfterItsChatWasLeftIsNotShown() throws InterruptedException {
        played = HELD;
        session.ask("one", "one");
        await(seen -> seen.status().phase() == Status.Phase.WORKING);
        session.newChat();
        held.countDown();
        played = "simple";
        session.ask("two", "two");
        Look look = await(seen -> seen.status().phase() == Status.Phase.COMPLETE);
        assertEquals("two", look.entries().get(0).text());
        assertEquals(2, look.entries().size());
        assertNull(posted.peek(), "leaving a chat cancels nothing");
    }

    @Test
    void anotherSessionGoesOnWithTheRunThatWasNotFinished() throws InterruptedException {
        played = HELD;
        session.ask("one", "one");
        await(seen -> seen.status().phase() == Status.Phase.WORKING);
        session.close();
        assertEquals("run_held", stored.get("unfinished.run"));
        session = session();
        session.resume();
        await(seen -> seen.status().phase() == Status.Phase.WORKING);
        held.countDown();
        Look look = await(seen -> seen.status().phase() == Status.Phase.STOPPED);
        assertEquals(List.of("stored question"), look.entries().stream().map(Entry::text).toList());
    }

    private ChatSession session() {
        IEclipsePreferences preferences = (IEclipsePreferences) Proxy.newProxyInstance(
                ChatSessionTest.class.getClassLoader(),
                new Class<?>[] {IEclipsePreferences.class},
                (proxy, method, arguments) -> switch (method.getName()) {
                    case "get" -> stored.getOrDefault((String) arguments[0], (String) arguments[1]);
                    case "put" -> {
                        stored.put((String) arguments[0], (String) arguments[1]);
                        yield null;
                    }
                    case "flush" -> null;
                    default -> throw new UnsupportedOperationException(method.getName());
                });
        ServiceSettings settings = new ServiceSettings(preferences);
        Background background = (name, task) -> threads.execute(() -> {
            try {
                task.run((message, percent) -> {});
            } catch (InterruptedException over) {
                Thread.currentThread().interrupt();
            }
        });
        EditorPort noEditor = new EditorPort() {
            @Override
            public Optional<OpenFile> active() {
                return Optional.empty();
            }

            @Override
            public Optional<String> replace(String before, String after) {
                throw new UnsupportedOperationException();
            }
        };
        return new ChatSession(new Connection(settings::url, () -> key), settings, background, noEditor, () -> {
            synchronized (changes) {
                changes.notifyAll();
            }
        });
    }

    private Look await(Predicate<Look> condition) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        synchronized (changes) {
            while (!condition.test(session.look())) {
                assertTrue(System.nanoTime() < deadline, () -> "in vain: " + session.look());
                changes.wait(100);
            }
        }
        return session.look();
    }

    private void serve(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        if (path.endsWith("/cancel")) {
            posted.add(path);
            answer(exchange, "{}");
        } else if (path.startsWith("/api/chats/")) {
            answer(exchange, "{\"messages\": [{\"role\": \"user\", \"content\": \"stored question\"}]}");
        } else {
            if (path.equals("/api/chat")) {
                byte[] body = exchange.getRequestBody().readAllBytes();
                asked.add(JsonParser.parseString(new String(body, StandardCharsets.UTF_8)).getAsJsonObject());
            }
            stream(exchange);
        }
    }

    private void stream(HttpExchange exchange) throws IOException {
        String wire = played;
        exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
        exchange.sendResponseHeaders(200, 0);
        try (OutputStream out = exchange.getResponseBody()) {
            String run = wire.equals(HELD) ? "run_held" : "run_1";
            write(out, "event: connected\ndata: {\"message\": \"Connected to Oricode AI\", \"protocol\": 1, "
                    + "\"run_id\": \"" + run + "\", \"chat_id\": \"chat_1\"}\n\n");
            if (wire.equals(HELD)) {
                held.await();
                write(out, "id: x.1.1\nevent: done\ndata: {\"message\": \"\", \"status\": \"cancelled\"}\n\n");
            } else {
                write(out, golden(wire).get("sse").getAsString());
            }
        } catch (InterruptedException over) {
            Thread.currentThread().interrupt();
        }
    }

    private static void write(OutputStream out, String text) throws IOException {
        out.write(text.getBytes(StandardCharsets.UTF_8));
        out.flush();
    }

    private static void answer(HttpExchange exchange, String body) throws IOException {
        exchange.sendResponseHeaders(200, body.length());
        exchange.getResponseBody().write(body.getBytes(StandardCharsets.UTF_8));
        exchange.close();
    }

    private static JsonObject golden(String name) throws IOException {
        Path file = Path.of(System.getProperty("golden"), "runs", name + ".json");
        return JsonParser.parseString(Files.readString(file)).getAsJsonObject();
    }
}
