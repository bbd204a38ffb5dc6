package io.oricode.eclipse.core;

import java.io.IOException;
import org.eclipse.equinox.security.storage.ISecurePreferences;
import org.eclipse.equinox.security.storage.SecurePreferencesFactory;
import org.eclipse.equinox.security.storage.StorageException;

/** The API key, in Eclipse's secure storage. Reading may ask the person for the storage's master password. */
public final class Keyring {
    private static final String NODE = "/io.oricode";
    private static final String KEY = "api-key";

    /**
     * The key; empty when none was stored.
     *
     * @throws IllegalStateException when the storage cannot be opened
     */
    public String read() {
        try {
            return node().get(KEY, "");
        } catch (StorageException closed) {
            throw new IllegalStateException("The secure storage cannot be read: " + closed.getMessage(), closed);
        }
    }

    /** Stores the key, encrypted; empty removes it. @throws IllegalStateException when that is not possible */
    public void write(String key) {
        try {
            if (key.isEmpty()) {
                node().remove(KEY);
            } else {
                node().put(KEY, key, true);
            }
            node().flush();
        } catch (StorageException | IOException closed) {
            throw new IllegalStateException("The secure storage cannot be written: " + closed.getMessage(), closed);
        }
    }

    private static ISecurePreferences node() {
        return SecurePreferencesFactory.getDefault().node(NODE);
    }
}
