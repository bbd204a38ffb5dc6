package io.oricode.eclipse.core;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.oricode.client.Event;
import io.oricode.client.Fold;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** What a view shows of the runs that all clients share as golden files. */
class RunTranscriptTest {
    private static final Path RUNS = Path.of(System.getProperty("golden"), "runs");

    @TestFactory
    Stream<DynamicTest> theTextIsTheFoldsText() throws IOException {
        return Files.list(RUNS).sorted().map(file -> DynamicTest.dynamicTest(file.getFileName().toString(), () -> {
            RunTranscript transcript = new RunTranscript();
            Fold fold = new Fold();
            for (JsonElement each : read(file).getAsJsonArray("events")) {
                JsonObject event = each.getAsJsonObject();
                fold.apply(event.get("event").getAsString(), event.getAsJsonObject("data"));
                transcript.apply(Event.read(event.get("event").getAsString(), event.getAsJsonObject("data")));
                assertEquals(squeezed(fold.text()), squeezed(said(transcript)));
            }
        }));
    }

    @TestFactory
    Stream<DynamicTest> aSnapshotShowsWhatTheEventsShowed() throws IOException {
        return Files.list(RUNS).sorted().map(file -> DynamicTest.dynamicTest(file.getFileName().toString(), () -> {
            JsonObject golden = read(file);
            RunTranscript live = new RunTranscript();
            for (JsonElement each : golden.getAsJsonArray("events")) {
                JsonObject event = each.getAsJsonObject();
                live.apply(Event.read(event.get("event").getAsString(), event.getAsJsonObject("data")));
            }
            JsonObject state = golden.getAsJsonObject("state");
            state.addProperty("run_id", "run_1");
            RunTranscript late = new RunTranscript();
            late.apply(Event.read("snapshot", state));
            assertEquals(live.entries(), late.entries());
        }));
    }

    @Test
    void aToolCallTellsHowFarItIs() {
        RunTranscript transcript = new RunTranscript();
        apply(transcript, "message_start", "{'message': '', 'message_id': 'm', 'turn': 1, 'attempt': 1, 'model': 'x'}");
        apply(transcript, "tool_input", "{'tool_call_id': 'c', 'partial_json': '{\"a', 'index': 0, 'name': 'deploy'}");
        assertEquals("Writing the input of deploy (3 characters)", last(transcript));
        apply(transcript, "tool_call", "{'tool_call_id': 'c', 'name': 'deploy', 'input': {}, 'runs': 'server'}");
        assertEquals("Running deploy", last(transcript));
        apply(transcript, "progress", "{'type': 'x', 'message': 'Deploying...', 'tool_call_id': 'c'}");
        assertEquals("Deploying...", last(transcript));
        apply(transcript, "tool_result", "{'tool_call_id': 'c', 'name': 'deploy', 'status': 'ok', 'summary': 'fine'}");
        assertEquals("✓ fine", last(transcript));
    }

    private static void apply(RunTranscript transcript, String event, String data) {
        transcript.apply(Event.read(event, JsonParser.parseString(data).getAsJsonObject()));
    }

    private static String last(RunTranscript transcript) {
        List<Entry> entries = transcript.entries();
        return entries.get(entries.size() - 1).text();
    }

    private static String said(RunTranscript transcript) {
        StringBuilder said = new StringBuilder();
        transcript.entries().stream()
                .filter(entry -> entry.kind() == Entry.Kind.ORICODE)
                .forEach(entry -> said.append(entry.text()));
        return said.toString();
    }

    /** Without white space: the transcript trims its pieces. */
    private static String squeezed(String text) {
        return text.replaceAll("\\s", "");
    }

    private static JsonObject read(Path file) throws IOException {
        return JsonParser.parseString(Files.readString(file)).getAsJsonObject();
    }
}
