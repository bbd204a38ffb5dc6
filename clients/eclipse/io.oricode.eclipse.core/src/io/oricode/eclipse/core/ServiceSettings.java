package io.oricode.eclipse.core;

import org.eclipse.core.runtime.preferences.IEclipsePreferences;
import org.eclipse.core.runtime.preferences.InstanceScope;
import org.osgi.service.prefs.BackingStoreException;

/** What the preference page sets, but for the key, and what the view remembers over a restart; kept with the workspace. */
public final class ServiceSettings {
    /** The preference node and keys; the preference page binds its fields to them. */
    public static final String NODE = "io.oricode.eclipse.core";

    public static final String URL = "url";
    public static final String MODEL = "model";
    public static final String DEFAULT_URL = "http://127.0.0.1:8000";

    private static final String CHAT = "last.chat";
    private static final String RUN = "unfinished.run";

    private final IEclipsePreferences node;

    public ServiceSettings() {
        this(InstanceScope.INSTANCE.getNode(NODE));
    }

    ServiceSettings(IEclipsePreferences node) {
        this.node = node;
    }

    /** The service's address. */
    public String url() {
        return node.get(URL, DEFAULT_URL).strip();
    }

    /** The model to ask for; empty = the service's default. */
    public String model() {
        return node.get(MODEL, "").strip();
    }

    /** The chat that was open last; empty when none was. */
    String chat() {
        return node.get(CHAT, "");
    }

    /** The run that was being followed when this was last written; empty when none was. */
    String unfinishedRun() {
        return node.get(RUN, "");
    }

    /** Remembers what is open. @param run empty when none is live */
    void remember(String chat, String run) {
        node.put(CHAT, chat);
        node.put(RUN, run);
        try {
            node.flush();
        } catch (BackingStoreException full) {
            throw new IllegalStateException("The workspace's settings cannot be written: " + full.getMessage(), full);
        }
    }
}
