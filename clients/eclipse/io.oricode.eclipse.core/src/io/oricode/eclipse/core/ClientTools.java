package io.oricode.eclipse.core;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/** The tools that run in the workbench: {@code read_editor}, and {@code apply_edit}, which asks the person first. */
public final class ClientTools {
    /**
     * What a tool answers.
     *
     * @param isError whether the model shall take {@code content} as a failure
     */
    record Answer(String content, boolean isError) {}

    static final String READ_EDITOR = "read_editor";
    static final String APPLY_EDIT = "apply_edit";

    private static final String READ = """
            {"name": "read_editor",
             "description": "The text of the file in the person's active editor, with its name and the selected text.",
             "input_schema": {"type": "object", "properties": {}, "additionalProperties": false}}""";
    private static final String EDIT = """
            {"name": "apply_edit",
             "description": "Replaces a passage in the person's active editor, after the person agreed. `before` must occur exactly once.",
             "input_schema": {"type": "object", "required": ["before", "after"], "additionalProperties": false,
              "properties": {"before": {"type": "string"}, "after": {"type": "string"}}}}""";

    private final EditorPort editors;
    private final Predicate<Question> ask;

    /** @param ask shows a question and waits for the person's answer */
    ClientTools(EditorPort editors, Predicate<Question> ask) {
        this.editors = editors;
        this.ask = ask;
    }

    /** The definitions, as a chat request wants them. */
    static List<JsonObject> definitions() {
        return List.of(
                JsonParser.parseString(READ).getAsJsonObject(), JsonParser.parseString(EDIT).getAsJsonObject());
    }

    /** Runs a tool; waits for the person when it must. */
    Answer run(String callId, String name, JsonObject input) {
        return switch (name) {
            case READ_EDITOR -> read();
            case APPLY_EDIT -> edit(callId, text(input, "before"), text(input, "after"));
            default -> new Answer("This client has no tool " + name + ".", true);
        };
    }

    private Answer read() {
        Optional<EditorPort.OpenFile> open = editors.active();
        if (open.isEmpty()) {
            return new Answer("No text editor is open.", true);
        }
        JsonObject content = new JsonObject();
        content.addProperty("name", open.get().name());
        content.addProperty("text", open.get().text());
        content.addProperty("selection", open.get().selection());
        return new Answer(content.toString(), false);
    }

    private Answer edit(String callId, String before, String after) {
        if (before.isEmpty()) {
            return new Answer("`before` is missing or empty.", true);
        }
        String file = editors.active().map(EditorPort.OpenFile::name).orElse("");
        if (file.isEmpty()) {
            return new Answer("No text editor is open.", true);
        }
        String detail = marked("- ", before) + "\n" + marked("+ ", after);
        if (!ask.test(new Question(callId, "Oricode wants to change " + file, detail, "Apply", "Reject"))) {
            return new Answer("The person rejected this edit.", true);
        }
        return editors.replace(before, after)
                .map(reason -> new Answer(reason, true))
                .orElse(new Answer("Applied to " + file + "; not saved yet.", false));
    }

    private static String marked(String mark, String text) {
        return mark + text.stripTrailing().replace("\n", "\n" + mark);
    }

    private static String text(JsonObject input, String name) {
        return input.has(name) && input.get(name).isJsonPrimitive() ? input.get(name).getAsString() : "";
    }
}
