package io.oricode.eclipse.ui;

import io.oricode.eclipse.core.EditorPort;
import org.eclipse.core.commands.ExecutionEvent;
import org.eclipse.ui.texteditor.ITextEditor;

/** Asks for an explanation of what is selected. */
public final class ExplainSelectionHandler extends ChatHandler {
    @Override
    void run(ExecutionEvent event, ChatView view, ITextEditor editor, EditorPort.OpenFile file) {
        if (file.selection().isBlank()) {
            tell(event, "Select the code that shall be explained.");
            return;
        }
        view.ask(
                "Explain the selection in " + file.name(),
                "Explain this code from " + file.name() + ":\n\n```\n" + file.selection() + "\n```");
    }
}
