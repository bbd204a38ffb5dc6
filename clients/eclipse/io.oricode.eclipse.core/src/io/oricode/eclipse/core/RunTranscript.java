package io.oricode.eclipse.core;

import com.google.gson.JsonObject;
import io.oricode.client.Event;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A run's events in, its conversation entries out: the model's text and its tool calls in the order in which they came.
 * A later attempt of a message voids what the earlier one showed; a snapshot replaces everything. Not thread safe.
 */
final class RunTranscript {
    private static final class Piece {
        final String messageId;
        /** Null for text. */
        final String toolCallId;

        final StringBuilder text = new StringBuilder();
        String name = "";
        String progress = "";
        String outcome = "";
        int written;

        Piece(String messageId, String toolCallId) {
            this.messageId = messageId;
            this.toolCallId = toolCallId;
        }
    }

    private static final int LONGEST_OUTCOME = 160;

    private final List<Piece> pieces = new ArrayList<>();
    private final Map<String, Piece> calls = new LinkedHashMap<>();
    private String messageId = "";

    /** What the run has said and done so far. */
    List<Entry> entries() {
        return pieces.stream()
                .filter(piece -> piece.toolCallId != null || !piece.text.toString().isBlank())
                .map(piece -> piece.toolCallId == null
                        ? new Entry(Entry.Kind.ORICODE, piece.text.toString().strip())
                        : new Entry(Entry.Kind.TOOL, line(piece)))
                .toList();
    }

    /** Takes the next event in; those that show nothing are ignored. */
    void apply(Event event) {
        if (event instanceof Event.MessageStart start) {
            messageId = start.messageId();
            pieces.removeIf(piece -> piece.messageId.equals(messageId));
            calls.values().removeIf(call -> call.messageId.equals(messageId));
        } else if (event instanceof Event.Content content) {
            text(content.text());
        } else if (event instanceof Event.ToolInput input) {
            Piece call = call(input.toolCallId(), messageId);
            call.name = input.name() == null ? call.name : input.name();
            call.written += input.partialJson().length();
        } else if (event instanceof Event.ToolCall started) {
            Piece call = call(started.toolCallId(), messageId);
            call.name = started.name();
            call.written = 0;
        } else if (event instanceof Event.Progress progress && calls.containsKey(progress.toolCallId())) {
            calls.get(progress.toolCallId()).progress = progress.message();
        } else if (event instanceof Event.ToolResult result && calls.containsKey(result.toolCallId())) {
            calls.get(result.toolCallId()).outcome = outcome(result.name(), result.status(), result.summary());
        } else if (event instanceof Event.Snapshot snapshot) {
            rebuild(snapshot);
        }
    }

    private void text(String text) {
        Piece last = pieces.isEmpty() ? null : pieces.get(pieces.size() - 1);
        if (last == null || last.toolCallId != null || !last.messageId.equals(messageId)) {
            last = new Piece(messageId, null);
            pieces.add(last);
        }
        last.text.append(text);
    }

    private Piece call(String toolCallId, String ofMessage) {
        return calls.computeIfAbsent(toolCallId, id -> {
            Piece piece = new Piece(ofMessage, id);
            pieces.add(piece);
            return piece;
        });
    }

    private void rebuild(Event.Snapshot snapshot) {
        pieces.clear();
        calls.clear();
        for (JsonObject message : snapshot.messages()) {
            messageId = message.get("message_id").getAsString();
            message.getAsJsonArray("blocks").forEach(element -> {
                JsonObject block = element.getAsJsonObject();
                switch (block.get("type").getAsString()) {
                    case "text" -> text(block.get("text").getAsString());
                    case "tool_use" -> call(block.get("tool_call_id").getAsString(), messageId);
                    default -> { } // thinking is not shown
                }
            });
        }
        for (JsonObject state : snapshot.toolCalls()) {
            Piece call = call(state.get("tool_call_id").getAsString(), messageId);
            call.name = string(state, "name");
            call.written = string(state, "partial_json").length();
            if (state.has("progress")) {
                call.progress = string(state.getAsJsonObject("progress"), "message");
            }
            if (state.has("status")) {
                call.outcome = outcome(call.name, string(state, "status"), string(state, "summary"));
            }
        }
    }

    private static String line(Piece call) {
        if (!call.outcome.isEmpty()) {
            return call.outcome;
        }
        if (!call.progress.isEmpty()) {
            return call.progress;
        }
        return call.written > 0
                ? "Writing the input of " + call.name + " (" + call.written + " characters)"
                : "Running " + call.name;
    }

    private static String outcome(String name, String status, String summary) {
        if (status.equals("ok") && name.equals(ClientTools.READ_EDITOR)) {
            return "✓ Read the active editor"; // its result is the file itself
        }
        String line = summary.strip().replaceAll("\\s+", " ");
        String cut = line.length() > LONGEST_OUTCOME ? line.substring(0, LONGEST_OUTCOME - 1) + "…" : line;
        String sign = switch (status) {
            case "ok" -> "✓ ";
            case "unknown" -> "? ";
            default -> "✗ ";
        };
        return sign + cut;
    }

    private static String string(JsonObject object, String name) {
        return object.has(name) && !object.get(name).isJsonNull() ? object.get(name).getAsString() : "";
    }
}
