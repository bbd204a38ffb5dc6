package io.oricode.client;

import static org.junit.jupiter.api.Assertions.assertFalse;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/** The golden files that the Python, TypeScript and Java tests share. */
final class Golden {
    private static final Path FOLDER = Path.of(System.getProperty("oricode.golden"));

    private Golden() {}

    /** All cases of {@code sse} or {@code runs}; never none. */
    static List<JsonObject> cases(String folder) {
        try (Stream<Path> files = Files.list(FOLDER.resolve(folder))) {
            List<JsonObject> cases = files.filter(file -> file.toString().endsWith(".json"))
                    .sorted()
                    .map(file -> read(file).getAsJsonObject())
                    .toList();
            assertFalse(cases.isEmpty(), "no golden files in " + folder);
            return cases;
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    static JsonElement file(String name) {
        return read(FOLDER.resolve(name));
    }

    static List<JsonObject> objects(JsonElement array) {
        return StreamSupport.stream(array.getAsJsonArray().spliterator(), false)
                .map(JsonElement::getAsJsonObject)
                .toList();
    }

    private static JsonElement read(Path file) {
        try {
            return JsonParser.parseString(Files.readString(file));
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }
}
