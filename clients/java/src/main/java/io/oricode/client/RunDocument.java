package io.oricode.client;

import com.google.gson.JsonObject;

/**
 * A run as one JSON document (PROTOCOL.md, section 7).
 *
 * @param status {@code completed}, {@code failed}, {@code cancelled}, {@code waiting}, {@code queued} or {@code running}
 * @param error a sentence; null unless the run failed
 * @param json the whole document, also what this version does not know
 */
public record RunDocument(String runId, String chatId, String status, String text, String error, JsonObject json) {
    static RunDocument read(JsonObject json) {
        return new RunDocument(
                Fields.string(json, "run_id"),
                Fields.string(json, "chat_id"),
                Fields.string(json, "status"),
                Fields.string(json, "text"),
                Fields.optionalString(json, "error"),
                json);
    }
}
