package io.oricode.client;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.gson.JsonObject;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.Timeout;

class SseDecoderTest {
    @TestFactory
    Stream<DynamicTest> decodesAsTheStandardSaysWhereverTheChunksAreSplit() {
        return Golden.cases("sse").stream().map(golden -> DynamicTest.dynamicTest(
                golden.get("name").getAsString(), () -> {
                    byte[] input = Base64.getDecoder().decode(golden.get("input_base64").getAsString());
                    for (int first = 0; first <= input.length; first++) {
                        for (int second = first; second <= input.length; second++) {
                            check(golden, List.of(
                                    Arrays.copyOfRange(input, 0, first),
                                    Arrays.copyOfRange(input, first, second),
                                    Arrays.copyOfRange(input, second, input.length)));
                        }
                    }
                    List<byte[]> single = new ArrayList<>();
                    for (byte one : input) {
                        single.add(new byte[] {one});
                    }
                    check(golden, single);
                }));
    }

    /** A decoder that looks again at what it has seen would take minutes. */
    @Test
    @Timeout(60)
    void aLineOfAMebibyteByteByByteCostsNoQuadraticTime() {
        SseDecoder decoder = new SseDecoder();
        String text = "é".repeat(512 * 1024);
        decoder.feed("data: ".getBytes(StandardCharsets.UTF_8));
        for (byte one : text.getBytes(StandardCharsets.UTF_8)) {
            assertEquals(List.of(), decoder.feed(new byte[] {one}));
        }
        assertEquals(text, decoder.feed("\n\n".getBytes(StandardCharsets.UTF_8)).get(0).data());
    }

    @Test
    void aReconnectionTimeOfAnyLengthIsANumber() {
        SseDecoder decoder = new SseDecoder();
        decoder.feed(("retry: " + "0".repeat(100_000) + "7\n").getBytes(StandardCharsets.UTF_8));
        assertEquals(7L, decoder.retryMs());
        decoder.feed(("retry: " + "9".repeat(100_000) + "\n").getBytes(StandardCharsets.UTF_8));
        assertEquals(86_400_000L, decoder.retryMs());
    }

    private static void check(JsonObject golden, List<byte[]> chunks) {
        SseDecoder decoder = new SseDecoder();
        List<SseDecoder.ServerSentEvent> events = new ArrayList<>();
        chunks.forEach(chunk -> events.addAll(decoder.feed(chunk)));
        List<SseDecoder.ServerSentEvent> expected = Golden.objects(golden.get("events")).stream()
                .map(event -> new SseDecoder.ServerSentEvent(
                        event.get("event").getAsString(),
                        event.get("data").getAsString(),
                        event.get("id").getAsString()))
                .toList();
        assertEquals(expected, events);
        assertEquals(golden.get("last_event_id").getAsString(), decoder.lastEventId());
        Long retry = golden.get("retry_ms").isJsonNull() ? null : Long.valueOf(golden.get("retry_ms").getAsLong());
        assertEquals(retry, decoder.retryMs());
    }
}
