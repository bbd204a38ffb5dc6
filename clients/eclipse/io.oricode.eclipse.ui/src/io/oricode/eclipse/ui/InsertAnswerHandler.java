package io.oricode.eclipse.ui;

import io.oricode.eclipse.core.EditorPort;
import org.eclipse.core.commands.ExecutionEvent;
import org.eclipse.ui.texteditor.ITextEditor;

/** Inserts the code of the last answer (its whole text when it holds none) at the cursor. */
public final class InsertAnswerHandler extends ChatHandler {
    @Override
    void run(ExecutionEvent event, ChatView view, ITextEditor editor, EditorPort.OpenFile file) {
        if (view.lastAnswer().isEmpty()) {
            tell(event, "There is no answer yet that could be inserted.");
            return;
        }
        Editors.insert(editor, Markup.insertable(view.lastAnswer())).ifPresent(reason -> tell(event, reason));
        editor.setFocus();
    }
}
