package io.oricode.client;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Events in, the state a viewer is left with out (PROTOCOL.md, section 5): the same fold as the service's, against the
 * same golden files. Unknown events are ignored. Not thread safe.
 */
public final class Fold {
    private JsonObject scalars = scalars("new");
    private final Map<String, JsonObject> messages = new LinkedHashMap<>();
    /** Message id → block index → what was said so far; only for blocks that hold text. */
    private final Map<String, Map<Long, StringBuilder>> texts = new LinkedHashMap<>();
    private final Map<String, JsonObject> calls = new LinkedHashMap<>();
    private final Map<String, JsonObject> approvals = new LinkedHashMap<>();
    /** The message being written; null between messages. */
    private JsonObject open;

    /** {@code new}, {@code queued}, {@code running}, {@code completed}, {@code failed} or {@code cancelled}. */
    public String status() {
        return scalars.get("status").getAsString();
    }

    /** The answer's text: the text blocks of all messages, in order. */
    public String text() {
        StringBuilder text = new StringBuilder();
        messages.forEach((messageId, message) -> {
            for (JsonObject block : blocks(message)) {
                if (is(block, "type", "text")) {
                    text.append(said(messageId).get(Fields.integer(block, "index")));
                }
            }
        });
        return text.toString();
    }

    /** The state in the form of a {@code snapshot}'s data; a copy that later events do not change. */
    public JsonObject state() {
        JsonObject state = scalars.deepCopy();
        state.addProperty("text", text());
        JsonArray written = new JsonArray();
        messages.forEach((messageId, message) -> {
            JsonObject copy = message.deepCopy();
            for (JsonObject block : blocks(copy)) {
                StringBuilder said = said(messageId).get(Fields.integer(block, "index"));
                if (said != null) {
                    block.addProperty("text", said.toString());
                }
            }
            written.add(copy);
        });
        state.add("messages", written);
        state.add("tool_calls", copies(calls));
        state.add("approvals", copies(approvals));
        return state;
    }

    /** Takes the next event in. */
    public void apply(String event, JsonObject data) {
        switch (event) {
            case "connected" -> copy(data, scalars, "run_id", "chat_id");
            case "queued" -> {
                scalars.addProperty("status", "queued");
                scalars.add("queued", data.get("position"));
            }
            case "message_start" -> messageStart(data);
            case "content" -> piece("text", data);
            case "thinking" -> piece("thinking", data);
            case "tool_input" -> toolInput(data);
            case "message_stop" -> messageStop(data);
            case "tool_call" -> toolCall(data);
            case "progress" -> progress(data);
            case "tool_result" -> toolResult(data);
            case "approval_required" -> approvals.put(Fields.string(data, "approval_id"), data.deepCopy());
            case "approval_resolved" -> approvals.remove(Fields.string(data, "approval_id"));
            case "recovering" -> {
                running();
                scalars.add("recovering", data.get("attempt"));
                open = null;
            }
            case "error" -> scalars.add("error", data.deepCopy());
            case "done" -> done(data);
            case "snapshot" -> snapshot(data);
            default -> { } // heartbeats and what this version does not know
        }
    }

    private void messageStart(JsonObject data) {
        running();
        String messageId = Fields.string(data, "message_id");
        if (messages.containsKey(messageId)) { // a later attempt voids what the earlier one showed
            texts.remove(messageId);
            calls.values().removeIf(call -> is(call, "message_id", messageId));
        }
        open = new JsonObject();
        copy(data, open, "message_id", "turn", "attempt", "model");
        open.addProperty("complete", false);
        open.add("blocks", new JsonArray());
        messages.put(messageId, open);
    }

    private void piece(String kind, JsonObject data) {
        if (open == null) {
            return;
        }
        Map<Long, StringBuilder> said = said(Fields.string(open, "message_id"));
        long index = Fields.integer(data, "index");
        if (!said.containsKey(index)) {
            said.put(index, new StringBuilder());
            addBlock(index, kind);
        }
        said.get(index).append(Fields.string(data, "text"));
    }

    private void toolInput(JsonObject data) {
        if (open == null) {
            return;
        }
        String callId = Fields.string(data, "tool_call_id");
        JsonObject call = calls.get(callId);
        if (call == null) {
            addBlock(Fields.integer(data, "index"), "tool_use").addProperty("tool_call_id", callId);
            call = new JsonObject();
            call.addProperty("tool_call_id", callId);
            copy(open, call, "message_id");
            call.addProperty("state", "writing");
            calls.put(callId, call);
        }
        copy(data, call, "name");
        String before = Fields.absent(call, "partial_json") ? "" : Fields.string(call, "partial_json");
        call.addProperty("partial_json", before + Fields.string(data, "partial_json"));
    }

    private void messageStop(JsonObject data) {
        if (open != null) {
            open.addProperty("complete", true);
            copy(data, open, "stop_reason", "usage");
            open = null;
        }
    }

    private void toolCall(JsonObject data) {
        running();
        JsonObject call = calls.computeIfAbsent(Fields.string(data, "tool_call_id"), id -> new JsonObject());
        call.remove("partial_json");
        copy(data, call, "tool_call_id", "name", "input", "runs", "deadline");
        if (!call.has("message_id")) {
            List<String> ids = new ArrayList<>(messages.keySet());
            call.addProperty("message_id", ids.isEmpty() ? "" : ids.get(ids.size() - 1));
        }
        call.addProperty("state", "running");
    }

    private void progress(JsonObject data) {
        scalars.add("progress", data.deepCopy());
        JsonObject call = calls.get(Fields.optionalString(data, "tool_call_id"));
        if (call != null) {
            call.add("progress", data.deepCopy());
        }
    }

    private void toolResult(JsonObject data) {
        JsonObject call = calls.get(Fields.string(data, "tool_call_id"));
        if (call != null) {
            call.addProperty("state", "ended");
            copy(data, call, "status", "summary", "duration_ms");
        }
    }

    private void done(JsonObject data) {
        running();
        open = null;
        approvals.clear();
        copy(data, scalars, "status", "stop_reason", "usage", "duration_ms");
    }

    private void snapshot(JsonObject data) {
        scalars = scalars("new");
        for (Map.Entry<String, JsonElement> field : data.entrySet()) {
            if (!List.of("messages", "tool_calls", "approvals", "text").contains(field.getKey())) {
                copy(data, scalars, field.getKey());
            }
        }
        messages.clear();
        texts.clear();
        calls.clear();
        approvals.clear();
        open = null;
        for (JsonObject given : Fields.objects(data, "messages")) {
            JsonObject message = given.deepCopy();
            String messageId = Fields.string(message, "message_id");
            for (JsonObject block : blocks(message)) {
                if (block.has("text")) {
                    String text = block.remove("text").getAsString();
                    said(messageId).put(Fields.integer(block, "index"), new StringBuilder(text));
                }
            }
            messages.put(messageId, message);
            open = status().equals("running") && !Fields.bool(message, "complete") ? message : null;
        }
        Fields.objects(data, "tool_calls").forEach(c -> calls.put(Fields.string(c, "tool_call_id"), c.deepCopy()));
        Fields.objects(data, "approvals").forEach(a -> approvals.put(Fields.string(a, "approval_id"), a.deepCopy()));
    }

    private void running() {
        scalars.addProperty("status", "running");
        scalars.remove("queued");
        scalars.remove("recovering");
    }

    private JsonObject addBlock(long index, String type) {
        JsonObject block = new JsonObject();
        block.addProperty("index", index);
        block.addProperty("type", type);
        List<JsonObject> blocks = blocks(open);
        blocks.add(block);
        blocks.sort(Comparator.comparingLong(each -> Fields.integer(each, "index")));
        JsonArray sorted = new JsonArray();
        blocks.forEach(sorted::add);
        open.add("blocks", sorted);
        return block;
    }

    private Map<Long, StringBuilder> said(String messageId) {
        return texts.computeIfAbsent(messageId, id -> new TreeMap<>());
    }

    private static JsonObject scalars(String status) {
        JsonObject scalars = new JsonObject();
        scalars.addProperty("status", status);
        return scalars;
    }

    private static List<JsonObject> blocks(JsonObject message) {
        return Fields.objects(message, "blocks");
    }

    private static boolean is(JsonObject object, String name, String value) {
        return value.equals(Fields.optionalString(object, name));
    }

    private static void copy(JsonObject from, JsonObject to, String... names) {
        for (String name : names) {
            if (!Fields.absent(from, name)) {
                to.add(name, from.get(name).deepCopy());
            }
        }
    }

    private static JsonArray copies(Map<String, JsonObject> objects) {
        JsonArray copies = new JsonArray();
        objects.values().forEach(object -> copies.add(object.deepCopy()));
        return copies;
    }
}
