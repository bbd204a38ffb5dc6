package io.oricode.client;

import com.google.gson.JsonObject;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * The service's short requests: everything but starting and reading runs. Each call waits for its answer, at most 30
 * seconds, and throws {@link OricodeException} when it was refused or not answered.
 */
public final class Api {
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final HttpClient http;
    private final ClientOptions options;

    Api(HttpClient http, ClientOptions options) {
        this.http = http;
        this.options = options;
    }

    /** A run's document, with {@code state} in its JSON. */
    public RunDocument run(String runId) {
        return RunDocument.read(wait(send("GET", "/api/runs/" + path(runId), null)));
    }

    /** Ends a run; the run may have ended already. */
    public void cancel(String runId) {
        wait(cancelling(runId));
    }

    /** Answers a client tool. @throws OricodeException also with {@code already_answered} and {@code not_pending} */
    public void answerTool(String runId, String toolCallId, String content, boolean isError) {
        JsonObject body = new JsonObject();
        body.addProperty("tool_call_id", toolCallId);
        body.addProperty("content", content);
        body.addProperty("is_error", isError);
        wait(send("POST", "/api/runs/" + path(runId) + "/tool_results", body));
    }

    /** Decides an approval. @throws OricodeException also with {@code already_answered} */
    public void decide(String runId, String approvalId, boolean approve) {
        JsonObject body = new JsonObject();
        body.addProperty("decision", approve ? "approve" : "deny");
        wait(send("POST", "/api/runs/" + path(runId) + "/approvals/" + path(approvalId), body));
    }

    /** Says how satisfied the person was. @param comment null for none */
    public void rate(String runId, boolean up, String comment) {
        JsonObject body = new JsonObject();
        body.addProperty("rating", up ? "up" : "down");
        if (comment != null) {
            body.addProperty("comment", comment);
        }
        wait(send("POST", "/api/runs/" + path(runId) + "/feedback", body));
    }

    /** {@code {chats: [...], next?}}, the newest first. @param before {@code next} of the page before; null at first */
    public JsonObject chats(int limit, String before) {
        return wait(send("GET", "/api/chats?limit=" + limit + (before == null ? "" : "&before=" + path(before)), null));
    }

    /** {@code {chat_id, title, messages, next?}}, oldest first. @param after {@code next} of the page before; null at first */
    public JsonObject chat(String chatId, String after) {
        return wait(send("GET", "/api/chats/" + path(chatId) + (after == null ? "" : "?after=" + path(after)), null));
    }

    /** Names a chat. */
    public void renameChat(String chatId, String title) {
        JsonObject body = new JsonObject();
        body.addProperty("title", title);
        wait(send("PATCH", "/api/chats/" + path(chatId), body));
    }

    /** Deletes a chat; its live run is cancelled first. */
    public void deleteChat(String chatId) {
        wait(send("DELETE", "/api/chats/" + path(chatId), null));
    }

    /** {@code {models: [...], default}}. */
    public JsonObject models() {
        return wait(send("GET", "/api/models", null));
    }

    /** As {@link #cancel}, without waiting. */
    CompletableFuture<JsonObject> cancelling(String runId) {
        return send("POST", "/api/runs/" + path(runId) + "/cancel", new JsonObject());
    }

    private CompletableFuture<JsonObject> send(String method, String path, JsonObject body) {
        HttpRequest.Builder request = HttpRequest.newBuilder(options.resolve(path))
                .header("X-API-Key", options.key())
                .header("Accept", "application/json")
                .timeout(PATIENCE); // a short answer, not a stream
        if (body != null) {
            request.header("Content-Type", "application/json");
        }
        HttpRequest.BodyPublisher content = body == null
                ? HttpRequest.BodyPublishers.noBody()
                : HttpRequest.BodyPublishers.ofString(Json.text(body));
        return http.sendAsync(request.method(method, content).build(), HttpResponse.BodyHandlers.ofString())
                .handle((response, failure) -> {
                    if (failure != null) {
                        throw new OricodeException(Problem.unreachable(Exchange.describe(failure)));
                    }
                    return answer(response);
                });
    }

    private static JsonObject answer(HttpResponse<String> response) {
        int status = response.statusCode();
        if (status < 200 || status > 299) {
            String retryAfter = response.headers().firstValue("Retry-After").orElse(null);
            throw new OricodeException(Problem.answer(status, response.body(), retryAfter));
        }
        try {
            return response.body().isBlank() ? new JsonObject() : Json.object(response.body());
        } catch (MalformedEventException malformed) {
            throw new OricodeException(Problem.malformed("The answer is " + malformed.getMessage() + "."));
        }
    }

    private static <T> T wait(CompletableFuture<T> answer) {
        try {
            return answer.join();
        } catch (CompletionException failure) {
            if (failure.getCause() instanceof OricodeException refused) {
                throw refused;
            }
            throw failure;
        }
    }

    private static String path(String part) {
        return URLEncoder.encode(part, StandardCharsets.UTF_8);
    }
}
