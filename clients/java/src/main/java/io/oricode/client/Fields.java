package io.oricode.client;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.ArrayList;
import java.util.List;

/**
 * Typed reading of a JSON object's fields. {@code optional…} gives null for what is absent or null; everything throws
 * {@link MalformedEventException} for a value of another type.
 */
final class Fields {
    private Fields() {}

    static String string(JsonObject data, String name) {
        JsonPrimitive value = primitive(data, name);
        if (!value.isString()) {
            throw wrongType(name, "a string");
        }
        return value.getAsString();
    }

    static String optionalString(JsonObject data, String name) {
        return absent(data, name) ? null : string(data, name);
    }

    static long integer(JsonObject data, String name) {
        return number(data, name, "an integer").getAsLong();
    }

    static Long optionalInteger(JsonObject data, String name) {
        return absent(data, name) ? null : Long.valueOf(integer(data, name));
    }

    static double number(JsonObject data, String name) {
        return number(data, name, "a number").getAsDouble();
    }

    static Double optionalNumber(JsonObject data, String name) {
        return absent(data, name) ? null : Double.valueOf(number(data, name));
    }

    static boolean bool(JsonObject data, String name) {
        JsonPrimitive value = primitive(data, name);
        if (!value.isBoolean()) {
            throw wrongType(name, "true or false");
        }
        return value.getAsBoolean();
    }

    static Boolean optionalBool(JsonObject data, String name) {
        return absent(data, name) ? null : Boolean.valueOf(bool(data, name));
    }

    static JsonObject object(JsonObject data, String name) {
        return asObject(required(data, name), name);
    }

    static JsonObject optionalObject(JsonObject data, String name) {
        return absent(data, name) ? null : object(data, name);
    }

    static List<JsonObject> objects(JsonObject data, String name) {
        JsonElement value = required(data, name);
        if (!value.isJsonArray()) {
            throw wrongType(name, "an array");
        }
        List<JsonObject> items = new ArrayList<>();
        value.getAsJsonArray().forEach(item -> items.add(asObject(item, name)));
        return items;
    }

    static List<JsonObject> optionalObjects(JsonObject data, String name) {
        return absent(data, name) ? null : objects(data, name);
    }

    static boolean absent(JsonObject data, String name) {
        return !data.has(name) || data.get(name).isJsonNull();
    }

    private static JsonElement required(JsonObject data, String name) {
        if (absent(data, name)) {
            throw new MalformedEventException("`" + name + "` is missing");
        }
        return data.get(name);
    }

    private static JsonPrimitive primitive(JsonObject data, String name) {
        JsonElement value = required(data, name);
        if (!value.isJsonPrimitive()) {
            throw wrongType(name, "a single value");
        }
        return value.getAsJsonPrimitive();
    }

    private static JsonPrimitive number(JsonObject data, String name, String wanted) {
        JsonPrimitive value = primitive(data, name);
        if (!value.isNumber()) {
            throw wrongType(name, wanted);
        }
        return value;
    }

    private static JsonObject asObject(JsonElement value, String name) {
        if (!value.isJsonObject()) {
            throw wrongType(name, "an object");
        }
        return value.getAsJsonObject();
    }

    private static MalformedEventException wrongType(String name, String wanted) {
        return new MalformedEventException("`" + name + "` is not " + wanted);
    }
}
