package io.oricode.client;

import com.google.gson.JsonObject;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;

/** A scripted service over a WebSocket (RFC 6455), as far as the scripts need it. */
final class WebSocketStage implements Stage {
    private static final int TEXT = 0x1;
    private static final int CLOSE = 0x8;
    private static final int PING = 0x9;

    private final ScriptedServer.Request request;
    private final Socket socket;
    private JsonObject command;

    WebSocketStage(ScriptedServer.Request request, Socket socket) {
        this.request = request;
        this.socket = socket;
    }

    @Override
    public Socket socket() {
        return socket;
    }

    @Override
    public Wish open() throws IOException {
        Wish wish = greet();
        reply("{\"ok\": true, \"data\": {\"run_id\": \"" + RUN + "\"}");
        return wish;
    }

    @Override
    public void say(String id, String event, String data) throws IOException {
        frame(TEXT, true, text(id, event, data));
    }

    @Override
    public void sayHalf(String id, String event, String data) throws IOException {
        byte[] whole = text(id, event, data);
        frame(TEXT, false, java.util.Arrays.copyOf(whole, whole.length - 1));
    }

    @Override
    public void saySlowly(String id, String event, String data, long pauseMs)
            throws IOException, InterruptedException {
        byte[] whole = text(id, event, data);
        for (int i = 0; i < whole.length; i++) {
            frame(i == 0 ? TEXT : 0, i == whole.length - 1, new byte[] {whole[i]});
            Thread.sleep(pauseMs); // the pace is the script
        }
    }

    @Override
    public void alreadyEnded() throws IOException {
        greet();
        reply("{\"ok\": true, \"data\": {\"run_id\": \"" + RUN + "\", \"resume\": \"live\", \"ended\": true}");
    }

    @Override
    public void refuse() throws IOException {
        greet();
        reply("{\"ok\": false, \"error\": {\"code\": \"unauthorized\", \"detail\": \"No.\", \"retryable\": false}");
    }

    void ping() throws IOException {
        frame(PING, true, new byte[0]);
    }

    /** Closes with a code. */
    void close(int code) throws IOException {
        frame(CLOSE, true, new byte[] {(byte) (code >> 8), (byte) code});
    }

    private Wish greet() throws IOException {
        String accept = request.header("sec-websocket-key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
        String head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Accept: " + sha1(accept) + "\r\nSec-WebSocket-Protocol: oricode.v1\r\n\r\n";
        socket.getOutputStream().write(head.getBytes(StandardCharsets.UTF_8));
        frame(TEXT, true, "{\"event\":\"connected\",\"data\":{\"message\":\"Connected to Oricode AI\",\"protocol\":1}}"
                .getBytes(StandardCharsets.UTF_8));
        command = Json.object(readText());
        JsonObject data = command.getAsJsonObject("data");
        if (command.get("command").getAsString().equals("chat")) {
            String key = data.remove("idempotency_key").getAsString();
            return new Wish(data.toString(), key, null, "", false);
        }
        return new Wish(
                null,
                null,
                data.get("run").getAsString(),
                data.has("after") ? data.get("after").getAsString() : "",
                data.has("from"));
    }

    private void reply(String open) throws IOException {
        frame(TEXT, true, (open + ", \"ref\": " + command.get("ref") + "}").getBytes(StandardCharsets.UTF_8));
    }

    private static byte[] text(String id, String event, String data) {
        return ("{" + (id.isEmpty() ? "" : "\"id\":\"" + id + "\",") + "\"run\":\"" + RUN + "\",\"event\":\"" + event
                + "\",\"data\":" + data + "}").getBytes(StandardCharsets.UTF_8);
    }

    private void frame(int opcode, boolean last, byte[] payload) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write((last ? 0x80 : 0) | opcode);
        if (payload.length < 126) {
            out.write(payload.length);
        } else {
            out.write(126);
            out.write(payload.length >> 8);
            out.write(payload.length);
        }
        out.writeBytes(payload);
        socket.getOutputStream().write(out.toByteArray());
    }

    private String readText() throws IOException {
        DataInputStream in = new DataInputStream(socket.getInputStream());
        in.readUnsignedByte();
        int length = in.readUnsignedByte() & 0x7f;
        length = length == 126 ? in.readUnsignedShort() : length;
        byte[] mask = in.readNBytes(4);
        byte[] payload = in.readNBytes(length);
        for (int i = 0; i < payload.length; i++) {
            payload[i] ^= mask[i % 4];
        }
        return new String(payload, StandardCharsets.UTF_8);
    }

    private static String sha1(String text) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-1").digest(text.getBytes(StandardCharsets.US_ASCII));
            return Base64.getEncoder().encodeToString(digest);
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
