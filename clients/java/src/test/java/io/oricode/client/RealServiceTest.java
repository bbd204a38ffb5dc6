package io.oricode.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Against the real service; {@code -Doricode.command} names its command, and {@code make java-test} sets it. */
@Timeout(180)
@EnabledIfSystemProperty(named = "oricode.command", matches = ".+")
class RealServiceTest {
    private static final String TEXT = "I will write a very small program and store it in two parts, first its head."
            + "Now the second part, which is not much longer than the first one was."
            + "Both parts are stored, and that is all there is to say about it.";

    private RealService service;

    @BeforeEach
    void start(@TempDir Path folder) throws IOException, InterruptedException, URISyntaxException {
        Path script = Path.of(RealServiceTest.class.getResource("two-tools.yaml").toURI());
        service = new RealService(folder, script);
    }

    @AfterEach
    void stop() throws InterruptedException {
        service.stop();
    }

    @ParameterizedTest
    @EnumSource
    void aKilledServiceCostsNoCharacterAndNoToolRunsTwice(ClientOptions.Transport transport)
            throws IOException, InterruptedException {
        List<String> seen = new ArrayList<>();
        try (OricodeClient client = new OricodeClient(service.options().withTransport(transport));
                ChatRun run = client.start(ChatRequest.of("Write it").clientType("eclipse"))) {
            while (!seen.contains("tool_result")) {
                seen.add(name(run.next()));
            }
            service.kill();
            while (!seen.contains("reconnecting")) {
                seen.add(name(run.next()));
            }
            service.start();
            List<String> rest = new ArrayList<>();
            Ending.ByServer ending = assertInstanceOf(Ending.ByServer.class, ChatRunContract.pull(run, rest));
            seen.addAll(rest);
            assertEquals("completed", ending.done().orElseThrow().status());
            assertEquals(TEXT, run.fold().text());
            assertEquals(2, seen.stream().filter("tool_call"::equals).count(), seen.toString());
            assertEquals(2, seen.stream().filter("tool_result"::equals).count(), seen.toString());
            assertEquals(TEXT, client.api().run(run.runId()).text());
            assertEquals(client.api().run(run.runId()).json().get("state"), run.fold().state());
        }
    }

    @ParameterizedTest
    @EnumSource
    void aRunIsFollowedBySnapshotAndCancelled(ClientOptions.Transport transport) throws InterruptedException {
        try (OricodeClient client = new OricodeClient(service.options().withTransport(transport));
                ChatRun first = client.start(ChatRequest.of("Write it"))) {
            while (!name(first.next()).equals("tool_call")) {
                // until there is something to fold
            }
            try (ChatRun second = client.attachFolded(first.runId())) {
                while (!name(second.next()).equals("snapshot")) {
                    // connected comes first
                }
                assertTrue(second.fold().text().startsWith("I will write"), second.fold().text());
                second.cancel();
                Ending.ByServer ending = assertInstanceOf(Ending.ByServer.class, ChatRunContract.pull(second));
                assertEquals("cancelled", ending.done().orElseThrow().status());
            }
            ChatRunContract.pull(first);
            String end = first.cursor();
            Ending again = ChatRunContract.pull(client.attach(first.runId(), end));
            assertEquals(new Ending.ByServer(Optional.empty()), again);
        }
    }

    @Test
    void aCallerWithoutStreamingGetsTheWholeAnswer() throws InterruptedException {
        try (OricodeClient client = new OricodeClient(service.options())) {
            RunDocument answer = client.ask(ChatRequest.of("Write it"));
            assertEquals("completed", answer.status());
            assertEquals(TEXT, answer.text());
            assertEquals(1, client.api().chats(10, null).getAsJsonArray("chats").size());
            client.api().rate(answer.runId(), true, "fine");
            String stored = client.api().chat(answer.chatId(), null).getAsJsonArray("messages").toString();
            assertTrue(stored.contains("Both parts are stored"), stored);
        }
    }

    @Test
    void theSameIdempotencyKeyReadsTheSameRun() throws InterruptedException {
        try (OricodeClient client = new OricodeClient(service.options())) {
            ChatRun first = client.start(ChatRequest.of("Write it"), "idem_1");
            ChatRun second = client.start(ChatRequest.of("Write it"), "idem_1");
            first.next();
            ChatRunContract.pull(second);
            assertEquals(first.runId(), second.runId());
            assertEquals(TEXT, second.fold().text());
        }
    }

    @Test
    void aWrongKeyIsRefused() throws InterruptedException {
        ClientOptions wrong = ClientOptions.of(service.options().base(), "ok_wrong");
        try (OricodeClient client = new OricodeClient(wrong)) {
            Ending.Broken broken = assertInstanceOf(
                    Ending.Broken.class, ChatRunContract.pull(client.start(ChatRequest.of("Hi"))));
            assertEquals("unauthorized", broken.problem().code());
            assertThrows(OricodeException.class, () -> client.api().models());
        }
    }

    private static String name(Signal signal) {
        if (signal instanceof Signal.Received received) {
            return received.event().event();
        }
        return signal instanceof Signal.Reconnecting ? "reconnecting" : "ended";
    }
}
