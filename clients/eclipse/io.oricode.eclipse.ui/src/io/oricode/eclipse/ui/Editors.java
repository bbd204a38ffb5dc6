package io.oricode.eclipse.ui;

import io.oricode.eclipse.core.EditorPort;
import java.util.Optional;
import org.eclipse.core.runtime.Adapters;
import org.eclipse.jface.text.BadLocationException;
import org.eclipse.jface.text.IDocument;
import org.eclipse.jface.text.ITextSelection;
import org.eclipse.swt.widgets.Display;
import org.eclipse.ui.IEditorPart;
import org.eclipse.ui.IWorkbenchWindow;
import org.eclipse.ui.PlatformUI;
import org.eclipse.ui.texteditor.ITextEditor;

/** The workbench's text editors. Any thread may call it, but none that holds a lock. */
final class Editors implements EditorPort {
    private final Display display;

    Editors(Display display) {
        this.display = display;
    }

    @Override
    public Optional<OpenFile> active() {
        return Ui.now(display, () -> editor().map(Editors::read));
    }

    @Override
    public Optional<String> replace(String before, String after) {
        return Ui.now(display, () -> {
            Optional<ITextEditor> editor = editor();
            return editor.isEmpty() ? Optional.of("No text editor is open.") : replaceIn(editor.get(), before, after);
        });
    }

    /** The active text editor; UI thread only. */
    static Optional<ITextEditor> editor() {
        IWorkbenchWindow window = PlatformUI.getWorkbench().getActiveWorkbenchWindow();
        IEditorPart part = window == null || window.getActivePage() == null
                ? null
                : window.getActivePage().getActiveEditor();
        return Optional.ofNullable(part == null ? null : Adapters.adapt(part, ITextEditor.class));
    }

    /** What an editor shows; UI thread only. */
    static OpenFile read(ITextEditor editor) {
        boolean selected = editor.getSelectionProvider() != null
                && editor.getSelectionProvider().getSelection() instanceof ITextSelection;
        String selection = selected
                ? ((ITextSelection) editor.getSelectionProvider().getSelection()).getText()
                : "";
        return new OpenFile(
                editor.getEditorInput().getName(), document(editor).get(), selection == null ? "" : selection);
    }

    /** Inserts at the cursor, or over the selection; UI thread only. @return empty when done, else why not */
    static Optional<String> insert(ITextEditor editor, String text) {
        if (!editor.isEditable()) {
            return Optional.of("The editor is read-only.");
        }
        ITextSelection at = (ITextSelection) editor.getSelectionProvider().getSelection();
        return change(editor, at.getOffset(), at.getLength(), text);
    }

    private static Optional<String> replaceIn(ITextEditor editor, String before, String after) {
        String text = document(editor).get();
        int at = text.indexOf(before);
        if (at < 0) {
            return Optional.of("The passage does not occur in " + editor.getEditorInput().getName() + ".");
        }
        if (text.indexOf(before, at + 1) >= 0) {
            return Optional.of("The passage occurs more than once; give more of its surroundings.");
        }
        if (!editor.isEditable()) {
            return Optional.of("The editor is read-only.");
        }
        return change(editor, at, before.length(), after);
    }

    private static Optional<String> change(ITextEditor editor, int offset, int length, String text) {
        try {
            document(editor).replace(offset, length, text);
            editor.selectAndReveal(offset, text.length());
            return Optional.empty();
        } catch (BadLocationException moved) {
            return Optional.of("The editor's text has changed meanwhile.");
        }
    }

    private static IDocument document(ITextEditor editor) {
        return editor.getDocumentProvider().getDocument(editor.getEditorInput());
    }
}
