package io.oricode.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Reading a run over a WebSocket, and what only this wire can show. */
class WebSocketChatRunTest extends ChatRunContract {
    @Override
    ClientOptions.Transport transport() {
        return ClientOptions.Transport.WEBSOCKET;
    }

    @Override
    Stage stage(ScriptedServer.Request request, Socket socket) {
        return new WebSocketStage(request, socket);
    }

    @Test
    void aCloseForGoodBreaksTheReading() throws InterruptedException {
        script(stage -> {
            stage.connected("new");
            ((WebSocketStage) stage).close(4401);
            ScriptedServer.closedByPeer(stage.socket());
        });
        Ending.Broken broken = assertInstanceOf(Ending.Broken.class, pull(start()));
        assertEquals("unauthorized", broken.problem().code());
    }

    @Test
    void aRestartIsResumed() throws InterruptedException {
        script(stage -> {
            stage.connected("new");
            stage.messageStart(1, 1);
            ((WebSocketStage) stage).close(1012);
            ScriptedServer.closedByPeer(stage.socket());
        });
        script(stage -> stage.done(2, "completed"));
        List<String> seen = new ArrayList<>();
        assertInstanceOf(Ending.ByServer.class, pull(start(), seen));
        assertEquals(List.of("connected", "message_start", "reconnecting", "done"), seen);
    }

    @Test
    void pingsAreSignsOfLife() throws InterruptedException {
        script(stage -> {
            stage.connected("new");
            for (int pings = 0; pings < 20; pings++) {
                ((WebSocketStage) stage).ping();
                Thread.sleep(50); // the pace is the script
            }
            stage.done(1, "completed");
        });
        List<String> seen = new ArrayList<>();
        pull(patient(Duration.ofMillis(400)).start(ChatRequest.of("Hi")), seen);
        assertEquals(List.of("connected", "done"), seen);
    }

    @Test
    void aRefusedHandshakeBreaksTheReading() throws InterruptedException {
        server.then(ScriptedServer.problem("unauthorized", 401, false, ""));
        Ending.Broken broken = assertInstanceOf(Ending.Broken.class, pull(start()));
        assertEquals(401, broken.problem().status());
    }

    @Test
    void aHandshakeRefusedForNowIsTriedAgain() throws InterruptedException {
        server.then(ScriptedServer.problem("unavailable", 503, true, ""));
        script(stage -> stage.done(1, "completed"));
        assertInstanceOf(Ending.ByServer.class, pull(start()));
    }
}
