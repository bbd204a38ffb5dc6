package io.oricode.client;

import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** A scripted service over server-sent events, in chunked HTTP. */
record SseStage(ScriptedServer.Request request, Socket socket) implements Stage {
    static final String HEAD = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
            + "Transfer-Encoding: chunked\r\n\r\n";

    @Override
    public Wish open() throws IOException {
        write(HEAD);
        return wish();
    }

    private Wish wish() {
        if (request.path().equals("/api/chat")) {
            return new Wish(request.body(), request.header("idempotency-key"), null, "", false);
        }
        String run = request.path().replaceFirst("^/api/runs/", "").replaceFirst("/events.*$", "");
        String after = request.header("last-event-id");
        return new Wish(null, null, run, after == null ? "" : after, request.path().endsWith("?from=snapshot"));
    }

    @Override
    public void say(String id, String event, String data) throws IOException {
        chunk(block(id, event, data));
    }

    @Override
    public void sayHalf(String id, String event, String data) throws IOException {
        String block = block(id, event, data);
        chunk(block.substring(0, block.length() - 1)); // all but the blank line
    }

    @Override
    public void saySlowly(String id, String event, String data, long pauseMs)
            throws IOException, InterruptedException {
        for (byte one : block(id, event, data).getBytes(StandardCharsets.UTF_8)) {
            socket.getOutputStream().write(new byte[] {'1', '\r', '\n', one, '\r', '\n'});
            Thread.sleep(pauseMs); // the pace is the script
        }
    }

    @Override
    public void alreadyEnded() throws IOException {
        write("HTTP/1.1 204 No Content\r\n\r\n");
    }

    @Override
    public void refuse() throws IOException {
        String body = "{\"code\": \"unauthorized\", \"detail\": \"Send a valid key.\", \"retryable\": false}";
        write("HTTP/1.1 401 X\r\nContent-Type: application/problem+json\r\nContent-Length: " + body.length()
                + "\r\n\r\n" + body);
    }

    /** Ends the body as HTTP says it should. */
    void end() throws IOException {
        write("0\r\n\r\n");
    }

    void chunk(String text) throws IOException {
        write(Integer.toHexString(text.getBytes(StandardCharsets.UTF_8).length) + "\r\n" + text + "\r\n");
    }

    private static String block(String id, String event, String data) {
        return (id.isEmpty() ? "" : "id: " + id + "\n") + "event: " + event + "\ndata: " + data + "\n\n";
    }

    private void write(String text) throws IOException {
        socket.getOutputStream().write(text.getBytes(StandardCharsets.UTF_8));
        socket.getOutputStream().flush();
    }
}
