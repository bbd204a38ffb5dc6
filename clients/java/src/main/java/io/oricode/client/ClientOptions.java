package io.oricode.client;

import java.net.URI;
import java.time.Duration;
import java.util.Objects;

/**
 * Where the service is and how patient to be with it. Immutable; the {@code with…} methods return changed copies.
 *
 * @param base the service's address, such as {@code https://oricode.example.com}; a path prefix is kept
 * @param key the API key; sent as {@code X-API-Key}, never part of a URL or of {@link #toString()}
 * @param transport the wire that runs are read from
 * @param connectTimeout for the TCP and TLS handshake
 * @param silence after which a connection counts as dead; null = {@code 2 × heartbeat_ms + 5 s} as the service says
 * @param startPatience how long a service that never answered is tried, before the run counts as broken; once
 *     anything was heard, resuming is tried until {@link ChatRun#close()}
 * @param cancelGrace how long a cancelled run may take to end, before its reader gives up
 * @param backoffBase the first bound of the random wait before a reconnection; doubled with each attempt
 * @param backoffCap the highest bound
 */
public record ClientOptions(
        URI base,
        String key,
        Transport transport,
        Duration connectTimeout,
        Duration silence,
        Duration startPatience,
        Duration cancelGrace,
        Duration backoffBase,
        Duration backoffCap) {
    /** How events travel; what they say is the same. */
    public enum Transport {
        /** Server-sent events over HTTP. */
        SSE,
        /** A WebSocket. */
        WEBSOCKET
    }

    /** Before the service has named its heartbeat interval, this one is assumed. */
    static final Duration USUAL_HEARTBEAT = Duration.ofSeconds(15);

    public ClientOptions {
        Objects.requireNonNull(key, "key");
        if (!("http".equals(base.getScheme()) || "https".equals(base.getScheme())) || base.getHost() == null) {
            throw new IllegalArgumentException("not an http or https address: " + base);
        }
    }

    /**
     * The defaults of PROTOCOL.md, section 9.
     *
     * @throws IllegalArgumentException when {@code base} is not an http or https address
     */
    public static ClientOptions of(URI base, String key) {
        return new ClientOptions(
                base,
                key,
                Transport.SSE,
                Duration.ofSeconds(10),
                null,
                Duration.ofSeconds(60),
                Duration.ofSeconds(30),
                Duration.ofMillis(500),
                Duration.ofSeconds(30));
    }

    /** A copy that reads runs from another wire. */
    public ClientOptions withTransport(Transport value) {
        return new ClientOptions(
                base, key, value, connectTimeout, silence, startPatience, cancelGrace, backoffBase, backoffCap);
    }

    /** A copy with another idea of silence; null = as the service says. */
    public ClientOptions withSilence(Duration value) {
        return new ClientOptions(
                base, key, transport, connectTimeout, value, startPatience, cancelGrace, backoffBase, backoffCap);
    }

    /** A copy that tries a service that never answered for another time. */
    public ClientOptions withStartPatience(Duration value) {
        return new ClientOptions(
                base, key, transport, connectTimeout, silence, value, cancelGrace, backoffBase, backoffCap);
    }

    /** A copy that waits for the end of a cancelled run for another time. */
    public ClientOptions withCancelGrace(Duration value) {
        return new ClientOptions(
                base, key, transport, connectTimeout, silence, startPatience, value, backoffBase, backoffCap);
    }

    /** A copy with other bounds of the random wait before a reconnection. */
    public ClientOptions withBackoff(Duration first, Duration highest) {
        return new ClientOptions(
                base, key, transport, connectTimeout, silence, startPatience, cancelGrace, first, highest);
    }

    /** The address of a path of the service, such as {@code /api/chat}. */
    URI resolve(String path) {
        String prefix = base.toString();
        return URI.create((prefix.endsWith("/") ? prefix.substring(0, prefix.length() - 1) : prefix) + path);
    }

    /** How long a connection may say nothing, given the service's heartbeat interval. */
    Duration silenceAt(Duration heartbeat) {
        return silence != null ? silence : heartbeat.multipliedBy(2).plusSeconds(5);
    }

    @Override
    public String toString() {
        return "ClientOptions[" + base + ", " + transport + "]";
    }
}
