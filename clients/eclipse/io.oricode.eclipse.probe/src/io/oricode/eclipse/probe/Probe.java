package io.oricode.eclipse.probe;

import com.google.gson.JsonObject;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.eclipse.core.filesystem.EFS;
import org.eclipse.core.runtime.preferences.InstanceScope;
import org.eclipse.equinox.security.storage.SecurePreferencesFactory;
import org.eclipse.equinox.security.storage.StorageException;
import org.eclipse.swt.custom.StyledText;
import org.eclipse.swt.graphics.Point;
import org.eclipse.swt.widgets.Button;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.swt.widgets.Control;
import org.eclipse.swt.widgets.Display;
import org.eclipse.swt.widgets.Label;
import org.eclipse.swt.widgets.ProgressBar;
import org.eclipse.swt.widgets.Shell;
import org.eclipse.swt.widgets.Text;
import org.eclipse.ui.IEditorPart;
import org.eclipse.ui.IStartup;
import org.eclipse.ui.IWorkbenchPage;
import org.eclipse.ui.PartInitException;
import org.eclipse.ui.PlatformUI;
import org.eclipse.ui.ide.IDE;

/**
 * For tests: opens the chat view in a started workbench, and writes what its widgets show into a file, one JSON line for
 * each change. It reads widgets only, by the key that UI test tools use, and knows nothing of the plug-in's classes.
 *
 * <p>System properties: {@code probe.file} (where to write), {@code probe.url} and {@code probe.key} (settings to store
 * first; absent = leave what is stored), {@code probe.open} (a file to open in an editor).
 */
public final class Probe implements IStartup {
    private static final String WIDGET = "org.eclipse.swtbot.widget.key";
    private static final int LOOK_MS = 25;

    private final Path file = Path.of(System.getProperty("probe.file"));
    private String last = "";
    /** The editor of {@code probe.open}; null without it. */
    private IEditorPart editor;

    @Override
    public void earlyStartup() {
        Display display = PlatformUI.getWorkbench().getDisplay();
        display.asyncExec(() -> {
            configure();
            try {
                var page = PlatformUI.getWorkbench().getActiveWorkbenchWindow().getActivePage();
                PlatformUI.getWorkbench().getActiveWorkbenchWindow().getShell().setMaximized(true);
                String open = System.getProperty("probe.open");
                if (open != null) {
                    editor = IDE.openEditorOnFileStore(page, EFS.getLocalFileSystem().fromLocalFile(new File(open)));
                }
                page.showView("org.eclipse.ui.views.ProgressView", null, IWorkbenchPage.VIEW_CREATE);
                page.showView("io.oricode.eclipse.ui.chat");
            } catch (PartInitException broken) {
                throw new IllegalStateException(broken);
            }
            look(display);
        });
    }

    private static void configure() {
        String url = System.getProperty("probe.url");
        if (url != null) {
            InstanceScope.INSTANCE.getNode("io.oricode.eclipse.core").put("url", url);
        }
        String key = System.getProperty("probe.key");
        if (key != null) {
            try {
                SecurePreferencesFactory.getDefault().node("/io.oricode").put("api-key", key, true);
                SecurePreferencesFactory.getDefault().flush();
            } catch (StorageException | IOException closed) {
                throw new IllegalStateException(closed);
            }
        }
    }

    private void look(Display display) {
        JsonObject seen = new JsonObject();
        for (Shell shell : display.getShells()) {
            if (shell.isVisible() && !shell.getText().isEmpty()) {
                seen.addProperty("shell:" + shell.getText(), true);
            }
            read(shell, seen);
        }
        if (editor != null && editor.getAdapter(Control.class) instanceof StyledText text) {
            text.setData(WIDGET, "editor");
        }
        String line = seen.toString();
        if (!line.equals(last)) {
            last = line;
            seen.addProperty("at", System.currentTimeMillis());
            try {
                Files.writeString(file, seen + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
            } catch (IOException full) {
                throw new UncheckedIOException(full);
            }
        }
        display.timerExec(LOOK_MS, () -> look(display));
    }

    private static void read(Control control, JsonObject seen) {
        if (control.getData(WIDGET) instanceof String key) {
            JsonObject widget = new JsonObject();
            widget.addProperty("visible", control.isVisible());
            widget.addProperty("enabled", control.isEnabled());
            widget.addProperty("focused", control.isFocusControl());
            Point at = control.toDisplay(0, 0);
            Point size = control.getSize();
            widget.addProperty("x", at.x + size.x / 2);
            widget.addProperty("y", at.y + size.y / 2);
            if (control instanceof Label label) {
                widget.addProperty("text", label.getText());
            } else if (control instanceof Button button) {
                widget.addProperty("text", button.getText());
            } else if (control instanceof Text text) {
                widget.addProperty("text", text.getText());
            } else if (control instanceof StyledText text) {
                widget.addProperty("text", text.getText());
            } else if (control instanceof ProgressBar bar) {
                widget.addProperty("value", bar.getSelection());
            }
            seen.add(key, widget);
        }
        if (control instanceof Composite composite) {
            for (Control child : composite.getChildren()) {
                read(child, seen);
            }
        }
    }
}
