package io.oricode.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Reading a run over SSE, and what only this wire can show. */
class SseChatRunTest extends ChatRunContract {
    @Override
    ClientOptions.Transport transport() {
        return ClientOptions.Transport.SSE;
    }

    @Override
    Stage stage(ScriptedServer.Request request, Socket socket) {
        return new SseStage(request, socket);
    }

    @Test
    void aCleanEndWithoutDoneIsResumed() throws InterruptedException {
        script(stage -> {
            stage.connected("new");
            stage.messageStart(1, 1);
            ((SseStage) stage).end();
        });
        script(stage -> stage.done(2, "completed"));
        List<String> seen = new ArrayList<>();
        assertInstanceOf(Ending.ByServer.class, pull(start(), seen));
        assertEquals(List.of("connected", "message_start", "reconnecting", "done"), seen);
    }

    @Test
    void theStreamsRetryTimeIsTheBaseOfTheWaits() throws InterruptedException {
        script(stage -> {
            ((SseStage) stage).chunk("retry: 0\n\n");
            stage.connected("new");
            ((SseStage) stage).end();
        });
        script(stage -> stage.done(1, "completed"));
        ChatRun run = start();
        run.next();
        assertEquals(0, assertInstanceOf(Signal.Reconnecting.class, run.next()).delay().toMillis());
        pull(run);
    }

    @Test
    void aTemporaryRefusalIsTriedAgainAfterTheTimeItNames() throws InterruptedException {
        server.then(ScriptedServer.problem("unavailable", 503, true, "Retry-After: 1\r\n"));
        script(stage -> stage.done(1, "completed"));
        ChatRun run = start();
        Signal.Reconnecting signal = assertInstanceOf(Signal.Reconnecting.class, run.next());
        assertTrue(signal.delay().toMillis() >= 1000, signal.delay().toString());
        assertEquals("Sorry: unavailable.", signal.reason());
        assertInstanceOf(Ending.ByServer.class, pull(run));
    }

    @Test
    void theBusyPageOfAProxyIsTriedAgain() throws InterruptedException {
        server.then(ScriptedServer.answer(502, "Content-Type: text/html\r\n", "<h1>Bad gateway</h1>"));
        script(stage -> stage.done(1, "completed"));
        assertInstanceOf(Ending.ByServer.class, pull(start()));
    }

    @Test
    void aBusyChatIsForAPersonToSolve() throws InterruptedException {
        server.then(ScriptedServer.problem("chat_busy", 409, true, ""));
        Ending.Broken broken = assertInstanceOf(Ending.Broken.class, pull(start()));
        assertEquals("chat_busy", broken.problem().code());
    }

    @Test
    void aDeletedRunIsNotAskedForAgain() throws InterruptedException {
        server.then(ScriptedServer.problem("gone", 410, false, ""));
        Ending.Broken broken = assertInstanceOf(Ending.Broken.class, pull(client.attach(Stage.RUN, Stage.id(1))));
        assertEquals("gone", broken.problem().code());
    }

    @Test
    void aPageInsteadOfAStreamBreaksTheReading() throws InterruptedException {
        server.then(ScriptedServer.answer(200, "Content-Type: text/html\r\n", "<h1>Log in</h1>"));
        assertInstanceOf(Ending.Broken.class, pull(start()));
    }

    @Test
    void dataThatIsNotJsonBreaksTheReading() throws InterruptedException {
        script(stage -> {
            stage.say("", "connected", "nonsense");
            ScriptedServer.closedByPeer(stage.socket());
        });
        assertInstanceOf(Ending.Broken.class, pull(start()));
    }

    @Test
    void aPathPrefixOfTheServiceIsKept() throws InterruptedException {
        client.close();
        client = new OricodeClient(ClientOptions.of(server.base().resolve("/oricode/"), "key_1"));
        script((stage, wish) -> stage.done(1, "completed"));
        pull(start());
        assertEquals("/oricode/api/chat", server.takeRequest().path());
    }

    @Test
    void streamingRequestsHaveNoTimeLimit() {
        ClientOptions options = ClientOptions.of(server.base(), "key_1");
        Target start = Target.start(new JsonObject(), "idem_1");
        assertEquals(Optional.empty(), SseLink.request(options, start).timeout());
        assertEquals(Optional.empty(), SseLink.request(options, start.resume("run_1", "run_1.1.1")).timeout());
        assertEquals(Optional.empty(), JsonAnswer.request(options, new JsonObject(), "idem_1").timeout());
    }
}
