package io.oricode.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.gson.JsonObject;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class EventTest {
    @Test
    void everyRecordedEventIsKnown() {
        Set<String> seen = new HashSet<>();
        for (JsonObject golden : Golden.cases("runs")) {
            for (JsonObject recorded : Golden.objects(golden.get("events"))) {
                String name = recorded.get("event").getAsString();
                Event event = Event.read(name, recorded.getAsJsonObject("data"));
                assertEquals(name, event.event());
                assertEquals(false, event instanceof Event.Unknown, name);
                seen.add(name);
            }
        }
        assertEquals(true, seen.size() > 10, "the golden runs show most events: " + seen);
    }

    @Test
    void fieldsOfANewerServiceAreIgnored() {
        Event event = Event.read("content", Json.object("{\"text\": \"a\", \"index\": 0, \"colour\": {\"x\": 1}}"));
        assertEquals(new Event.Content("a", 0), event);
    }

    @Test
    void anEventOfANewerServiceIsUnknownAndKeepsItsData() {
        Event.Unknown event = assertInstanceOf(
                Event.Unknown.class, Event.read("weather", Json.object("{\"sunny\": true}")));
        assertEquals("weather", event.event());
        assertEquals(true, event.data().get("sunny").getAsBoolean());
    }

    @Test
    void absentAndNullFieldsAreNull() {
        Event event = Event.read("progress", Json.object("{\"type\": \"x\", \"message\": \"y\", \"progress\": null}"));
        Event.Progress progress = assertInstanceOf(Event.Progress.class, event);
        assertNull(progress.progress());
        assertNull(progress.toolCallId());
    }

    @Test
    void aMissingOrWronglyTypedFieldIsAnError() {
        assertThrows(MalformedEventException.class, () -> Event.read("content", Json.object("{\"index\": 0}")));
        assertThrows(
                MalformedEventException.class,
                () -> Event.read("content", Json.object("{\"text\": 7, \"index\": 0}")));
        assertThrows(
                MalformedEventException.class,
                () -> Event.read("tool_call", Json.object(
                        "{\"tool_call_id\": \"c\", \"name\": \"n\", \"input\": [], \"runs\": \"client\"}")));
    }

    @Test
    void onlyStrictJsonObjectsAreRead() {
        for (String text : new String[] {"", "nonsense", "{'a': 1}", "[1]", "{\"a\": 1", "null", "{\"a\": 1} {"}) {
            assertThrows(MalformedEventException.class, () -> Json.object(text), text);
        }
    }
}
