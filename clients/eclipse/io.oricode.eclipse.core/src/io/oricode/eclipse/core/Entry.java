package io.oricode.eclipse.core;

/**
 * A piece of a conversation as a person sees it.
 *
 * @param text what was said; for {@link Kind#TOOL} one line that tells what the tool does or did
 */
public record Entry(Kind kind, String text) {
    /** Who or what speaks. */
    public enum Kind {
        /** The person. */
        YOU,
        /** The model; its text may hold Markdown. */
        ORICODE,
        /** A tool call. */
        TOOL,
        /** The plug-in itself. */
        NOTE
    }
}
