package io.oricode.eclipse.ui;

import io.oricode.eclipse.core.EditorPort;
import org.eclipse.core.commands.ExecutionEvent;
import org.eclipse.jface.dialogs.InputDialog;
import org.eclipse.jface.window.Window;
import org.eclipse.ui.handlers.HandlerUtil;
import org.eclipse.ui.texteditor.ITextEditor;

/** Asks a question about the whole file of the active editor. */
public final class AskAboutFileHandler extends ChatHandler {
    @Override
    void run(ExecutionEvent event, ChatView view, ITextEditor editor, EditorPort.OpenFile file) {
        InputDialog dialog = new InputDialog(
                HandlerUtil.getActiveShell(event),
                "Ask About " + file.name(),
                "What do you want to know about " + file.name() + "?",
                "What does this program do?",
                text -> text.isBlank() ? "" : null);
        if (dialog.open() == Window.OK) {
            String question = dialog.getValue().strip();
            view.ask(
                    question + " (" + file.name() + ")",
                    question + "\n\n" + file.name() + ":\n\n```\n" + file.text() + "\n```");
        }
    }
}
