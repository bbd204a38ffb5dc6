package io.oricode.client;

import com.google.gson.JsonObject;
import java.time.Duration;
import java.util.Optional;

/**
 * Why something was refused or broke.
 *
 * @param code a code of {@link ErrorCode}, of a newer service, or one of this client's own: {@code http_<status>} (an
 *     answer that is not the service's), {@code unreachable}, {@code malformed_data}
 * @param sentence for a person
 * @param status the HTTP status; 0 when there was none
 * @param retryable whether the same may succeed later
 * @param retryAfter how long the service asks to wait; null when it does not say
 */
public record Problem(String code, String sentence, int status, boolean retryable, Duration retryAfter) {
    /** No answer came, or it broke off. */
    static Problem unreachable(String sentence) {
        return new Problem("unreachable", sentence, 0, true, null);
    }

    /** What came is not what the protocol promises. */
    static Problem malformed(String sentence) {
        return new Problem("malformed_data", sentence, 0, false, null);
    }

    /**
     * An HTTP answer that is not the wanted one. The body counts when it is a problem document; else the status alone,
     * as from a proxy on the way.
     *
     * @param retryAfter the header in seconds; null when absent
     */
    static Problem answer(int status, String body, String retryAfter) {
        Duration wait = seconds(retryAfter);
        try {
            JsonObject document = Json.object(body);
            if (!Fields.absent(document, "code")) {
                return error(document, status, wait);
            }
        } catch (MalformedEventException notOurs) {
            // an answer of something between the service and us: judged by its status below
        }
        boolean temporary = status == 408 || status == 425 || status == 429 || status >= 500;
        return new Problem("http_" + status, "The server answered with status " + status + ".", status, temporary, wait);
    }

    /** An error object of the protocol, from a problem document or a WebSocket reply. */
    static Problem error(JsonObject error, int status, Duration retryAfter) {
        String code = Fields.string(error, "code");
        Optional<ErrorCode> row = ErrorCode.of(code);
        String detail = Fields.optionalString(error, "detail");
        Boolean retryable = Fields.optionalBool(error, "retryable");
        Long afterMs = Fields.optionalInteger(error, "retry_after_ms");
        return new Problem(
                code,
                detail == null ? "The service answered " + code + "." : detail,
                status == 0 ? row.map(ErrorCode::status).orElse(0) : status,
                retryable == null ? row.map(ErrorCode::retryable).orElse(false) : retryable,
                afterMs == null ? retryAfter : Duration.ofMillis(afterMs));
    }

    /**
     * Whether the client itself may send the same again. A conflict (409) is for a person to solve, also where waiting
     * would help: nobody asked this client to wait for another run.
     */
    boolean worthRetrying() {
        return retryable && status != 409;
    }

    private static Duration seconds(String header) {
        return header != null && header.matches("[0-9]{1,9}") ? Duration.ofSeconds(Long.parseLong(header)) : null;
    }
}
