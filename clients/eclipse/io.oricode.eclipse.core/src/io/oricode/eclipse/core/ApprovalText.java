package io.oricode.eclipse.core;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonSyntaxException;
import io.oricode.client.Event;

/** What a person reads before allowing a tool call. */
final class ApprovalText {
    private static final Gson PRETTY = new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create();

    private ApprovalText() {}

    /** The tool call in a run's state; an empty object when it is not there. */
    static JsonObject call(JsonObject state, String toolCallId) {
        for (JsonElement call : state.getAsJsonArray("tool_calls")) {
            if (call.getAsJsonObject().get("tool_call_id").getAsString().equals(toolCallId)) {
                return call.getAsJsonObject();
            }
        }
        return new JsonObject();
    }

    static Question question(Event.ApprovalRequired approval, JsonObject call) {
        String name = call.has("name") ? call.get("name").getAsString() : "a tool";
        return new Question(
                approval.approvalId(),
                "Allow Oricode to run " + name + "?",
                approval.reason() + input(call),
                "Allow",
                "Deny");
    }

    private static String input(JsonObject call) {
        if (!call.has("partial_json")) {
            return "";
        }
        String text = call.get("partial_json").getAsString();
        try {
            return "\n\n" + PRETTY.toJson(JsonParser.parseString(text));
        } catch (JsonSyntaxException unfinished) {
            return "\n\n" + text;
        }
    }
}
