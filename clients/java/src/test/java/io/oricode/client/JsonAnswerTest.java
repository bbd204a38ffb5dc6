package io.oricode.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Asking without streaming: PROTOCOL.md, sections 6 (JSON) and 7. */
@Timeout(30)
class JsonAnswerTest {
    private static final String DOCUMENT = "{\"run_id\": \"run_1\", \"chat_id\": \"chat_1\", \"status\": \"completed\", "
            + "\"text\": \"Forty-two.\", \"error\": null, \"model\": \"m\"}";
    private static final String HEAD =
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";

    private final ScriptedServer server = new ScriptedServer();
    private OricodeClient client = new OricodeClient(options());

    private ClientOptions options() {
        return ClientOptions.of(server.base(), "key_1").withBackoff(Duration.ofMillis(5), Duration.ofMillis(20));
    }

    @AfterEach
    void tearDown() {
        client.close();
        server.close();
    }

    @Test
    void theAnswerIsTheRunsDocument() throws InterruptedException {
        server.then(ScriptedServer.answer(200, "", DOCUMENT));
        RunDocument answer = client.ask(ChatRequest.of("Hi"));
        assertEquals("completed", answer.status());
        assertEquals("Forty-two.", answer.text());
        assertEquals("m", answer.json().get("model").getAsString());
        assertEquals(false, Json.object(server.takeRequest().body()).get("stream").getAsBoolean());
    }

    @Test
    void whiteSpaceKeepsALongAnswerAlive() throws InterruptedException {
        server.then((request, socket) -> {
            write(socket, HEAD);
            for (int spaces = 0; spaces < 20; spaces++) {
                write(socket, "1\r\n \r\n");
                Thread.sleep(50); // the pace is the script
            }
            write(socket, Integer.toHexString(DOCUMENT.length()) + "\r\n" + DOCUMENT + "\r\n0\r\n\r\n");
        });
        client = new OricodeClient(options().withSilence(Duration.ofMillis(400)));
        assertEquals("Forty-two.", client.ask(ChatRequest.of("Hi")).text());
    }

    @Test
    void aDropIsAskedAgainWithTheSameKeyAndBody() throws InterruptedException {
        server.then((request, socket) -> socket.close());
        server.then((request, socket) -> {
            write(socket, HEAD + "1\r\n \r\n");
            socket.setSoLinger(true, 0);
        });
        server.then(ScriptedServer.problem("restarting", 503, true, ""));
        server.then(ScriptedServer.answer(200, "", DOCUMENT));
        assertEquals("Forty-two.", client.ask(ChatRequest.of("Hi")).text());
        ScriptedServer.Request first = server.takeRequest();
        for (int again = 0; again < 3; again++) {
            ScriptedServer.Request request = server.takeRequest();
            assertEquals(first.header("idempotency-key"), request.header("idempotency-key"));
            assertEquals(first.body(), request.body());
        }
    }

    @Test
    void silenceIsAskedAgain() throws InterruptedException {
        server.then((request, socket) -> {
            write(socket, HEAD);
            ScriptedServer.closedByPeer(socket);
        });
        server.then(ScriptedServer.answer(200, "", DOCUMENT));
        client = new OricodeClient(options().withSilence(Duration.ofMillis(200)));
        assertEquals("Forty-two.", client.ask(ChatRequest.of("Hi")).text());
    }

    @Test
    void aRefusalForGoodIsThrown() {
        server.then(ScriptedServer.problem("empty_prompt", 400, false, ""));
        OricodeException refused = assertThrows(OricodeException.class, () -> client.ask(ChatRequest.of("")));
        assertEquals("empty_prompt", refused.problem().code());
    }

    @Test
    void anAnswerThatIsNotADocumentIsThrown() {
        server.then(ScriptedServer.answer(200, "", "{\"status\": \"completed\"}"));
        OricodeException malformed = assertThrows(OricodeException.class, () -> client.ask(ChatRequest.of("Hi")));
        assertEquals("malformed_data", malformed.problem().code());
    }

    private static void write(Socket socket, String text) throws IOException {
        socket.getOutputStream().write(text.getBytes(StandardCharsets.UTF_8));
    }
}
