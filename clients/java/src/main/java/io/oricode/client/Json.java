package io.oricode.client;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.TypeAdapter;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import java.io.IOException;
import java.io.StringReader;

/** JSON text to objects and back, in the strict grammar. */
final class Json {
    private static final Gson GSON = new Gson();
    private static final TypeAdapter<JsonElement> ELEMENT = GSON.getAdapter(JsonElement.class);

    private Json() {}

    /**
     * Reads one JSON object.
     *
     * @throws MalformedEventException when the text is not JSON, or not an object
     */
    static JsonObject object(String text) {
        JsonElement value;
        try (JsonReader reader = new JsonReader(new StringReader(text))) {
            value = ELEMENT.read(reader);
            if (reader.peek() != JsonToken.END_DOCUMENT) {
                throw new MalformedEventException("not JSON: something follows its end");
            }
        } catch (IOException | JsonParseException | NumberFormatException malformed) {
            throw new MalformedEventException("not JSON: " + malformed.getMessage());
        }
        if (value == null || !value.isJsonObject()) {
            throw new MalformedEventException("not a JSON object");
        }
        return value.getAsJsonObject();
    }

    static String text(JsonElement value) {
        return GSON.toJson(value);
    }
}
