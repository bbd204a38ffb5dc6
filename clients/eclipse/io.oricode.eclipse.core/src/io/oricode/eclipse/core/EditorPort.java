package io.oricode.eclipse.core;

import java.util.Optional;

/** The editors of the workbench, for tools. Called from background threads; implementations hop to the UI thread. */
public interface EditorPort {
    /**
     * What an editor shows, saved or not.
     *
     * @param name the file's name, for a person and the model
     * @param selection the selected text; empty when nothing is selected
     */
    record OpenFile(String name, String text, String selection) {}

    /** The active editor's file; empty when no text editor is open. */
    Optional<OpenFile> active();

    /**
     * Replaces {@code before}, which must occur exactly once in the active editor's text, by {@code after}. The editor is
     * left unsaved, so that the person can undo it.
     *
     * @return empty when it was done, else why it was not
     */
    Optional<String> replace(String before, String after);
}
