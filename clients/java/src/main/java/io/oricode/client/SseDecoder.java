package io.oricode.client;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Server-sent events (WHATWG HTML, section 9.2), incremental: bytes in, dispatched events out.
 *
 * <p>Chunks may be split anywhere, also inside a character or a line end. An event without its blank line at the end of
 * the stream is dropped, as the standard asks. Not thread safe.
 */
final class SseDecoder {
    /** What a surrogate, encoded as if it were a character, begins with. */
    private static final byte SURROGATE = (byte) 0xED;

    /** A reconnection time of more than a day counts as a day. */
    private static final long LONGEST_RETRY_MS = 86_400_000;

    private static final int ITS_DIGITS = 8;

    /**
     * A dispatched event.
     *
     * @param event {@code message} when the stream named none
     * @param id the last event id at the time of dispatch; empty when there was none
     */
    record ServerSentEvent(String event, String data, String id) {}

    private final CharsetDecoder utf8 = StandardCharsets.UTF_8
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPORT);
    /** The bytes of a character that the last chunk began. */
    private ByteBuffer unfinished = ByteBuffer.allocate(0);

    private final StringBuilder line = new StringBuilder();
    private boolean atStart = true;
    private boolean afterCr;

    private String event = "";
    private StringBuilder data;
    private String id = "";
    private String lastEventId = "";
    private Long retryMs;

    /** Takes the next chunk; returns the events it completed. */
    List<ServerSentEvent> feed(byte[] chunk) {
        List<ServerSentEvent> events = new ArrayList<>();
        CharBuffer text = decode(chunk);
        while (text.hasRemaining()) {
            char c = text.get();
            if (atStart) {
                atStart = false;
                if (c == '\uFEFF') {
                    continue;
                }
            }
            if (c == '\n' && afterCr) {
                afterCr = false; // the second half of a CR LF
                continue;
            }
            afterCr = c == '\r';
            if (c == '\n' || c == '\r') {
                endOfLine(events);
            } else {
                line.append(c);
            }
        }
        return events;
    }

    /** The cursor: the id of the last finished block; empty when there was none. */
    String lastEventId() {
        return lastEventId;
    }

    /** The reconnection time the stream asked for in ms; null when it did not. */
    Long retryMs() {
        return retryMs;
    }

    private CharBuffer decode(byte[] chunk) {
        ByteBuffer bytes = ByteBuffer.allocate(unfinished.remaining() + chunk.length).put(unfinished).put(chunk).flip();
        CharBuffer text = CharBuffer.allocate(bytes.remaining());
        for (CoderResult result = utf8.decode(bytes, text, false); result.isMalformed(); ) {
            // The JDK would replace half a surrogate pair as one; to the standard none of its bytes begins a character.
            int marks = bytes.get(bytes.position()) == SURROGATE ? result.length() : 1;
            text.put("\uFFFD".repeat(marks));
            bytes.position(bytes.position() + result.length());
            result = utf8.decode(bytes, text, false);
        }
        unfinished = bytes.slice();
        return text.flip();
    }

    private void endOfLine(List<ServerSentEvent> events) {
        String finished = line.toString();
        line.setLength(0);
        if (finished.isEmpty()) {
            dispatch(events);
        } else {
            field(finished);
        }
    }

    private void field(String finished) {
        int colon = finished.indexOf(':');
        String name = colon < 0 ? finished : finished.substring(0, colon);
        String value = colon < 0 ? "" : finished.substring(colon + 1);
        if (value.startsWith(" ")) {
            value = value.substring(1);
        }
        switch (name) {
            case "data" -> data = (data == null ? new StringBuilder() : data.append('\n')).append(value);
            case "event" -> event = value;
            case "id" -> id = value.indexOf('\0') < 0 ? value : id;
            case "retry" -> retryMs = value.matches("[0-9]+") ? Long.valueOf(milliseconds(value)) : retryMs;
            default -> { } // a comment (empty name) or a field the standard does not know
        }
    }

    private static long milliseconds(String digits) {
        String counting = digits.replaceFirst("^0+(?=.)", "");
        return counting.length() > ITS_DIGITS ? LONGEST_RETRY_MS : Math.min(LONGEST_RETRY_MS, Long.parseLong(counting));
    }

    private void dispatch(List<ServerSentEvent> events) {
        lastEventId = id;
        if (data != null) {
            events.add(new ServerSentEvent(event.isEmpty() ? "message" : event, data.toString(), id));
        }
        data = null;
        event = "";
    }
}
