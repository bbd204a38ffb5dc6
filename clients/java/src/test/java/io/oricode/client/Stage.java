package io.oricode.client;

import java.io.IOException;
import java.net.Socket;

/**
 * One connection of a scripted service, seen from the service: what the client asked for, and what to say. Implemented
 * for SSE and for WebSocket, so that a test of behaviour runs over both.
 */
interface Stage {
    String RUN = "run_1";

    /** What the client wants to read. */
    record Wish(String startBody, String idempotencyKey, String run, String after, boolean snapshot) {}

    /** Accepts the connection and gives what was asked for. */
    Wish open() throws IOException;

    /** Says an event of the run. @param id empty for none */
    void say(String id, String event, String data) throws IOException;

    /** Says the first bytes of an event and not the rest. */
    void sayHalf(String id, String event, String data) throws IOException;

    /** Says an event of the run a few bytes at a time. */
    void saySlowly(String id, String event, String data, long pauseMs) throws IOException, InterruptedException;

    /** Says that the cursor was at the end already. */
    void alreadyEnded() throws IOException;

    /** Refuses for good. */
    void refuse() throws IOException;

    Socket socket();

    /** {@code connected} as the service says it. */
    default void connected(String resume) throws IOException {
        connected(resume, 15_000);
    }

    default void connected(String resume, long heartbeatMs) throws IOException {
        say("", "connected", "{\"message\": \"Connected to Oricode AI\", \"run_id\": \"" + RUN + "\", \"chat_id\": "
                + "\"chat_1\", \"protocol\": 1, \"heartbeat_ms\": " + heartbeatMs + ", \"resume\": \"" + resume + "\"}");
    }

    default void messageStart(int seq, int attempt) throws IOException {
        say(id(seq), "message_start", "{\"message\": \"Message started\", \"message_id\": \"msg_1\", \"turn\": 1, "
                + "\"attempt\": " + attempt + ", \"model\": \"m\"}");
    }

    default void content(int seq, String text) throws IOException {
        say(id(seq), "content", contentData(text));
    }

    default void heartbeat() throws IOException {
        say("", "heartbeat", "{\"timestamp\": 1, \"state\": \"model\", \"quiet_ms\": 1}");
    }

    default void done(int seq, String status) throws IOException {
        say(id(seq), "done", "{\"message\": \"" + status + "\", \"status\": \"" + status + "\"}");
    }

    /** Breaks the connection as a killed process or a pulled cable does. */
    default void drop() throws IOException {
        socket().setSoLinger(true, 0);
        socket().close();
    }

    static String id(int seq) {
        return RUN + ".1." + seq;
    }

    static String contentData(String text) {
        return "{\"text\": \"" + text + "\", \"index\": 0}";
    }
}
