package io.oricode.eclipse.ui;

import io.oricode.eclipse.core.EditorPort;
import java.util.Optional;
import org.eclipse.core.commands.AbstractHandler;
import org.eclipse.core.commands.ExecutionEvent;
import org.eclipse.core.commands.ExecutionException;
import org.eclipse.jface.dialogs.MessageDialog;
import org.eclipse.ui.PartInitException;
import org.eclipse.ui.handlers.HandlerUtil;
import org.eclipse.ui.texteditor.ITextEditor;

/** What the commands on an editor have in common: they need the editor, and the chat view beside it. */
abstract class ChatHandler extends AbstractHandler {
    @Override
    public final Object execute(ExecutionEvent event) throws ExecutionException {
        Optional<ITextEditor> editor = Editors.editor();
        if (editor.isEmpty()) {
            tell(event, "Open a file in a text editor first.");
            return null;
        }
        try {
            ChatView view = (ChatView) HandlerUtil.getActiveWorkbenchWindowChecked(event).getActivePage().showView(ChatView.ID);
            run(event, view, editor.get(), Editors.read(editor.get()));
        } catch (PartInitException broken) {
            throw new ExecutionException("The Oricode view cannot be opened", broken);
        }
        return null;
    }

    abstract void run(ExecutionEvent event, ChatView view, ITextEditor editor, EditorPort.OpenFile file);

    static void tell(ExecutionEvent event, String sentence) {
        MessageDialog.openInformation(HandlerUtil.getActiveShell(event), "Oricode", sentence);
    }
}
