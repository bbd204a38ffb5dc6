package io.oricode.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.net.URI;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class ApiTest {
    private final ScriptedServer server = new ScriptedServer();
    private final OricodeClient client = new OricodeClient(ClientOptions.of(server.base(), "key_1"));

    @AfterEach
    void tearDown() {
        client.close();
        server.close();
    }

    @Test
    void aToolsAnswerIsSent() throws InterruptedException {
        server.then(ScriptedServer.answer(200, "", "{}"));
        client.api().answerTool("run_1", "call_1", "three lines", false);
        ScriptedServer.Request request = server.takeRequest();
        assertEquals("POST /api/runs/run_1/tool_results", request.method() + " " + request.path());
        assertEquals("application/json", request.header("content-type"));
        assertEquals("key_1", request.header("x-api-key"));
        assertEquals(
                Json.object("{\"tool_call_id\": \"call_1\", \"content\": \"three lines\", \"is_error\": false}"),
                Json.object(request.body()));
    }

    @Test
    void decisionsAndRatingsAreSent() throws InterruptedException {
        server.then(ScriptedServer.answer(200, "", "{}")).then(ScriptedServer.answer(200, "", "{}"));
        client.api().decide("run_1", "appr_1", false);
        client.api().rate("run_1", true, null);
        ScriptedServer.Request decision = server.takeRequest();
        assertEquals("/api/runs/run_1/approvals/appr_1", decision.path());
        assertEquals(Json.object("{\"decision\": \"deny\"}"), Json.object(decision.body()));
        assertEquals(Json.object("{\"rating\": \"up\"}"), Json.object(server.takeRequest().body()));
    }

    @Test
    void chatsAreListedPagedAndNamed() throws InterruptedException {
        server.then(ScriptedServer.answer(200, "", "{\"chats\": [{\"chat_id\": \"chat_1\"}], \"next\": \"n/1\"}"))
                .then(ScriptedServer.answer(200, "", "{\"chats\": []}"))
                .then(ScriptedServer.answer(200, "", "{\"chat_id\": \"chat_1\", \"messages\": []}"))
                .then(ScriptedServer.answer(200, "", "{}"))
                .then(ScriptedServer.answer(204, "", ""));
        String next = client.api().chats(10, null).get("next").getAsString();
        assertEquals(0, client.api().chats(10, next).getAsJsonArray("chats").size());
        client.api().chat("chat_1", null);
        client.api().renameChat("chat_1", "Invoices");
        client.api().deleteChat("chat_1");
        assertEquals("/api/chats?limit=10", server.takeRequest().path());
        assertEquals("/api/chats?limit=10&before=n%2F1", server.takeRequest().path());
        assertEquals("/api/chats/chat_1", server.takeRequest().path());
        assertEquals("PATCH", server.takeRequest().method());
        assertEquals("DELETE", server.takeRequest().method());
    }

    @Test
    void aRefusalCarriesTheServicesReason() {
        server.then(ScriptedServer.problem("already_answered", 409, false, ""));
        OricodeException refused = assertThrows(
                OricodeException.class, () -> client.api().decide("run_1", "appr_1", true));
        assertEquals("already_answered", refused.problem().code());
        assertEquals("Sorry: already_answered.", refused.problem().sentence());
    }

    @Test
    void anUnreachableServiceIsSaidInAPersonsWords() {
        server.vanish();
        OricodeException refused = assertThrows(OricodeException.class, () -> client.api().models());
        assertEquals("unreachable", refused.problem().code());
        assertEquals("the service cannot be reached", refused.problem().sentence());
        assertEquals(true, refused.problem().retryable());
    }

    @Test
    void theServicesWaitIsReadFromTheBodyOrTheHeader() {
        assertEquals(Duration.ofSeconds(3), Problem.answer(503, "busy", "3").retryAfter());
        String body = "{\"code\": \"rate_limited\", \"retry_after_ms\": 1500}";
        assertEquals(Duration.ofMillis(1500), Problem.answer(429, body, "9").retryAfter());
        assertEquals(true, Problem.answer(429, body, null).retryable(), "as the table says, when the body does not");
        assertEquals(false, Problem.answer(404, "", null).retryable());
    }

    @Test
    void theKeyIsNeverPartOfAText() {
        ClientOptions options = ClientOptions.of(URI.create("https://oricode.example.com"), "secret_1");
        assertFalse(options.toString().contains("secret_1"));
    }

    @Test
    void onlyHttpAddressesAreAccepted() {
        assertThrows(IllegalArgumentException.class, () -> ClientOptions.of(URI.create("ftp://x"), "k"));
        assertThrows(IllegalArgumentException.class, () -> ClientOptions.of(URI.create("oricode.example.com"), "k"));
    }
}
