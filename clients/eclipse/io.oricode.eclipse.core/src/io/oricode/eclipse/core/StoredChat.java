package io.oricode.eclipse.core;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.oricode.client.Api;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/** Stored chats as the service tells them, read into what a view shows. */
public final class StoredChat {
    /**
     * A chat in the history.
     *
     * @param liveRun the id of the run that goes on in it; empty when there is none
     */
    public record Title(String chatId, String title, String liveRun) {}

    private static final int LISTED = 30;

    private StoredChat() {}

    /** The latest chats, the newest first. */
    static List<Title> titles(Api api) {
        return objects(api.chats(LISTED, null).getAsJsonArray("chats"))
                .map(chat -> new Title(string(chat, "chat_id"), string(chat, "title"), string(chat, "live_run")))
                .toList();
    }

    /** A chat's messages, but for what the model said in {@code liveRun}: that comes with the run's events. */
    static List<Entry> entries(Api api, String chatId, String liveRun) {
        List<Entry> entries = new ArrayList<>();
        String next = null;
        do {
            JsonObject page = api.chat(chatId, next);
            for (JsonObject message : objects(page.getAsJsonArray("messages")).toList()) {
                boolean person = string(message, "role").equals("user");
                String text = text(message.get("content"));
                boolean live = !liveRun.isEmpty() && string(message, "run_id").equals(liveRun);
                if (!text.isBlank() && (person || !live)) {
                    entries.add(new Entry(person ? Entry.Kind.YOU : Entry.Kind.ORICODE, text.strip()));
                }
            }
            next = string(page, "next");
        } while (!next.isEmpty());
        return entries;
    }

    private static String text(JsonElement content) {
        if (content.isJsonPrimitive()) {
            return content.getAsString();
        }
        StringBuilder text = new StringBuilder();
        objects(content.getAsJsonArray())
                .filter(block -> string(block, "type").equals("text"))
                .forEach(block -> text.append(text.isEmpty() ? "" : "\n\n").append(string(block, "text")));
        return text.toString();
    }

    private static Stream<JsonObject> objects(JsonArray array) {
        return StreamSupport.stream(array.spliterator(), false).map(JsonElement::getAsJsonObject);
    }

    private static String string(JsonObject object, String name) {
        return object.has(name) && !object.get(name).isJsonNull() ? object.get(name).getAsString() : "";
    }
}
