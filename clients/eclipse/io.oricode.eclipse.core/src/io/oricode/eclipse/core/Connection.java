package io.oricode.eclipse.core;

import io.oricode.client.ClientOptions;
import io.oricode.client.OricodeClient;
import java.net.URI;
import java.time.Duration;
import java.util.function.Supplier;

/** The client for the address and key that are set now; replaced when they change. Any thread may use it. */
public final class Connection implements AutoCloseable {
    /** How long an address that never answers is tried before the person is told. */
    private static final Duration START_PATIENCE = Duration.ofSeconds(20);

    private final Supplier<String> url;
    private final Supplier<String> key;
    private OricodeClient client;
    private String clientUrl;
    private String clientKey;

    public Connection(Supplier<String> url, Supplier<String> key) {
        this.url = url;
        this.key = key;
    }

    /**
     * The client to use now.
     *
     * @throws IllegalStateException when the settings are not enough to make one; the message is for the person
     */
    synchronized OricodeClient client() {
        String wantedUrl = url.get();
        String wantedKey = key.get();
        if (client == null || !wantedUrl.equals(clientUrl) || !wantedKey.equals(clientKey)) {
            OricodeClient fresh = open(wantedUrl, wantedKey);
            close();
            client = fresh;
            clientUrl = wantedUrl;
            clientKey = wantedKey;
        }
        return client;
    }

    @Override
    public synchronized void close() {
        if (client != null) {
            client.close();
            client = null;
        }
    }

    private static OricodeClient open(String url, String key) {
        if (key.isEmpty()) {
            throw new IllegalStateException("There is no API key yet. Enter it under Preferences > Oricode.");
        }
        try {
            return new OricodeClient(ClientOptions.of(URI.create(url), key).withStartPatience(START_PATIENCE));
        } catch (IllegalArgumentException notAnAddress) {
            throw new IllegalStateException(
                    "\"" + url + "\" is not the address of a service. Correct it under Preferences > Oricode.");
        }
    }
}
