package io.oricode.client;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.gson.JsonObject;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

class FoldTest {
    @TestFactory
    Stream<DynamicTest> everyPrefixOfARunFoldsToTheRecordedState() {
        return eachRun(golden -> {
            Fold fold = new Fold();
            List<JsonObject> events = Golden.objects(golden.get("events"));
            List<JsonObject> states = Golden.objects(golden.get("states"));
            for (int i = 0; i < events.size(); i++) {
                apply(fold, events.get(i));
                assertEquals(states.get(i), fold.state(), "after event " + (i + 1));
            }
            assertEquals(golden.get("text").getAsString(), fold.text());
            assertEquals(golden.get("state"), fold.state());
        });
    }

    @TestFactory
    Stream<DynamicTest> aSnapshotAndTheTailFoldToTheSameAsEverything() {
        return eachRun(golden -> {
            List<JsonObject> events = Golden.objects(golden.get("events"));
            List<JsonObject> states = Golden.objects(golden.get("states"));
            for (int cut = 0; cut < events.size(); cut++) {
                Fold fold = new Fold();
                fold.apply("content", new JsonObject()); // before any message: must not count
                fold.apply("snapshot", states.get(cut));
                events.subList(cut + 1, events.size()).forEach(event -> apply(fold, event));
                assertEquals(golden.get("state"), fold.state(), "cut behind event " + (cut + 1));
            }
        });
    }

    @TestFactory
    Stream<DynamicTest> theRecordedStreamSaysTheSameAsTheEvents() {
        return eachRun(golden -> {
            byte[] wire = golden.get("sse").getAsString().getBytes(StandardCharsets.UTF_8);
            List<SseDecoder.ServerSentEvent> decoded = new SseDecoder().feed(wire);
            List<JsonObject> events = Golden.objects(golden.get("events"));
            assertEquals(events.size(), decoded.size());
            for (int i = 0; i < events.size(); i++) {
                assertEquals(events.get(i).get("id").getAsString(), decoded.get(i).id());
                assertEquals(events.get(i).get("event").getAsString(), decoded.get(i).event());
                assertEquals(events.get(i).get("data"), Json.object(decoded.get(i).data()));
            }
        });
    }

    @TestFactory
    Stream<DynamicTest> oddTextsSurviveTheWire() {
        return Golden.objects(Golden.file("texts.json")).stream().map(golden -> DynamicTest.dynamicTest(
                golden.get("name").getAsString(), () -> {
                    byte[] wire = golden.get("sse").getAsString().getBytes(StandardCharsets.UTF_8);
                    List<SseDecoder.ServerSentEvent> decoded = new SseDecoder().feed(wire);
                    assertEquals(1, decoded.size());
                    Event event = Event.read(decoded.get(0).event(), Json.object(decoded.get(0).data()));
                    assertEquals(new Event.Content(golden.get("text").getAsString(), 0), event);
                }));
    }

    @Test
    void aCharacterSplitOverTwoPiecesIsWholeAgain() {
        JsonObject golden = Golden.file("surrogates.json").getAsJsonObject();
        Fold fold = new Fold();
        fold.apply("message_start", Json.object(
                "{\"message\": \"\", \"message_id\": \"m\", \"turn\": 1, \"attempt\": 1, \"model\": \"x\"}"));
        golden.getAsJsonArray("datas").forEach(data -> fold.apply("content", Json.object(data.getAsString())));
        assertEquals(golden.get("joined").getAsString(), fold.text());
    }

    private static Stream<DynamicTest> eachRun(Consumer<JsonObject> check) {
        return Golden.cases("runs").stream().map(golden ->
                DynamicTest.dynamicTest(golden.get("name").getAsString(), () -> check.accept(golden)));
    }

    private static void apply(Fold fold, JsonObject event) {
        fold.apply(event.get("event").getAsString(), event.getAsJsonObject("data"));
    }
}
