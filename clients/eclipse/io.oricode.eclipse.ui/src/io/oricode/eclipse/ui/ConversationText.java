package io.oricode.eclipse.ui;

import io.oricode.eclipse.core.Entry;
import java.util.ArrayList;
import java.util.List;
import org.eclipse.swt.SWT;
import org.eclipse.swt.custom.StyleRange;
import org.eclipse.swt.custom.StyledText;
import org.eclipse.swt.graphics.Color;
import org.eclipse.swt.widgets.Composite;

/**
 * The conversation in a read-only text. Showing a longer list of entries changes only what differs, so that a streamed
 * answer neither flickers nor loses a selection above it. Scrolls along unless the person scrolled away from the end.
 */
final class ConversationText {
    private final StyledText text;
    private final Palette palette;
    /** Whether the person left the end in sight; only scrolling changes that. */
    private boolean following = true;

    private List<Entry> shown = List.of();
    /** Where each shown entry starts. */
    private final List<Integer> starts = new ArrayList<>();

    ConversationText(Composite parent) {
        text = new StyledText(parent, SWT.MULTI | SWT.READ_ONLY | SWT.WRAP | SWT.V_SCROLL);
        text.setData(Keys.WIDGET, "conversation");
        text.setMargins(10, 8, 10, 8);
        text.setLineSpacing(2);
        text.setCaret(null);
        palette = new Palette(text);
        text.setBackground(palette.field());
        text.addListener(SWT.Resize, event -> scrollAlong());
        text.getVerticalBar().addListener(SWT.Selection, event -> following = endInSight());
        text.addListener(SWT.KeyUp, event -> following = endInSight());
    }

    StyledText control() {
        return text;
    }

    /** The last answer as it was written, with its Markdown; empty when there is none. */
    String lastAnswer() {
        for (int i = shown.size() - 1; i >= 0; i--) {
            if (shown.get(i).kind() == Entry.Kind.ORICODE) {
                return shown.get(i).text();
            }
        }
        return "";
    }

    void show(List<Entry> entries) {
        int same = 0;
        while (same < Math.min(entries.size(), shown.size()) && entries.get(same).equals(shown.get(same))) {
            same++;
        }
        if (same == entries.size() && same == shown.size()) {
            return;
        }
        int from = same < shown.size() ? starts.get(same) : text.getCharCount();
        StringBuilder tail = new StringBuilder();
        List<StyleRange> styles = new ArrayList<>();
        starts.subList(same, starts.size()).clear();
        for (int i = same; i < entries.size(); i++) {
            starts.add(from + tail.length());
            append(entries, i, from, tail, styles);
        }
        replaceFrom(from, tail.toString(), styles);
        shown = List.copyOf(entries);
        scrollAlong();
    }

    private void append(List<Entry> entries, int i, int from, StringBuilder tail, List<StyleRange> styles) {
        Entry entry = entries.get(i);
        Entry.Kind before = i == 0 ? null : entries.get(i - 1).kind();
        boolean person = entry.kind() == Entry.Kind.YOU;
        boolean speakerChanges = before == null || person || before == Entry.Kind.YOU;
        if (i > 0) {
            boolean tight = before == Entry.Kind.TOOL && entry.kind() == Entry.Kind.TOOL;
            tail.append(tight ? "\n" : "\n\n");
        }
        if (speakerChanges) {
            StyleRange name = new StyleRange(from + tail.length(), person ? 3 : 7, palette.accent(), null, SWT.BOLD);
            styles.add(name);
            tail.append(person ? "You\n" : "Oricode\n");
        }
        int start = from + tail.length();
        switch (entry.kind()) {
            case ORICODE -> {
                Markup markup = Markup.of(entry.text());
                tail.append(markup.text());
                markup.spans().forEach(span -> styles.add(style(span, start)));
            }
            case TOOL, NOTE -> {
                tail.append(entry.text());
                styles.add(new StyleRange(start, entry.text().length(), lineColor(entry), null));
            }
            default -> tail.append(entry.text());
        }
    }

    /** Replaces what is behind {@code from}, sparing the part that stays the same. */
    private void replaceFrom(int from, String tail, List<StyleRange> styles) {
        String old = from < text.getCharCount() ? text.getText(from, text.getCharCount() - 1) : "";
        int common = 0;
        while (common < Math.min(old.length(), tail.length()) && old.charAt(common) == tail.charAt(common)) {
            common++;
        }
        text.replaceTextRange(from + common, old.length() - common, tail.substring(common));
        if (!tail.isEmpty()) {
            text.replaceStyleRanges(from, tail.length(), styles.toArray(StyleRange[]::new));
        }
        colorLines(from, styles);
    }

    /** Code blocks are grey over the whole width, not only behind their letters. */
    private void colorLines(int from, List<StyleRange> styles) {
        int first = text.getLineAtOffset(from);
        text.setLineBackground(first, text.getLineCount() - first, null);
        for (StyleRange range : styles) {
            if (range.data == Markup.Look.CODE_BLOCK) {
                int line = text.getLineAtOffset(range.start);
                int last = text.getLineAtOffset(range.start + range.length - 1);
                text.setLineBackground(line, last - line + 1, palette.codeBackground());
            }
        }
    }

    private StyleRange style(Markup.Span span, int offset) {
        StyleRange range = new StyleRange();
        range.start = offset + span.start();
        range.length = span.length();
        if (span.look() == Markup.Look.BOLD) {
            range.fontStyle = SWT.BOLD;
        } else {
            range.data = span.look();
            range.font = Palette.code();
            range.background = palette.codeBackground();
        }
        return range;
    }

    private Color lineColor(Entry entry) {
        if (entry.kind() == Entry.Kind.NOTE || entry.text().startsWith("✗")) {
            return palette.bad();
        }
        return entry.text().startsWith("✓") ? palette.good() : palette.muted();
    }

    private void scrollAlong() {
        if (following) {
            text.setTopPixel(Integer.MAX_VALUE / 2);
        }
    }

    private boolean endInSight() {
        int lastLine = text.getLineCount() - 1;
        return text.getLinePixel(lastLine) <= text.getClientArea().height + text.getLineHeight();
    }
}
