package io.oricode.eclipse.ui;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The little Markdown that answers use, to plain text and styled ranges: fenced code blocks, headings, bold and inline
 * code; a table's rows become a list, which also reads well in a narrow view. Everything else stays as it is. Knows
 * nothing of widgets.
 *
 * @param spans in order, not overlapping
 */
record Markup(String text, List<Span> spans) {
    /** How a range looks. */
    enum Look {
        CODE_BLOCK,
        CODE,
        BOLD
    }

    /** A range of the plain text. */
    record Span(Look look, int start, int length) {}

    private static final Pattern INLINE = Pattern.compile("`([^`\n]+)`|\\*\\*([^*\n]+)\\*\\*");
    private static final Pattern RULE = Pattern.compile("\\|[-:| ]*");
    private static final Pattern HEADING = Pattern.compile("#{1,6} +(.+)");

    static Markup of(String markdown) {
        StringBuilder text = new StringBuilder();
        List<Span> spans = new ArrayList<>();
        boolean inFence = false;
        String[] lines = markdown.split("\n", -1);
        for (int i = 0; i < lines.length; i++) {
            String line = lines[i];
            String end = i == lines.length - 1 ? "" : "\n";
            if (line.stripLeading().startsWith("```")) {
                inFence = !inFence;
                continue;
            }
            Matcher heading = HEADING.matcher(line);
            if (inFence) {
                add(text, spans, Look.CODE_BLOCK, line + end);
            } else if (line.startsWith("|")) {
                if (!RULE.matcher(line).matches()) {
                    inline(row(line), text, spans);
                    text.append(end);
                }
            } else if (heading.matches()) {
                add(text, spans, Look.BOLD, heading.group(1));
                text.append(end);
            } else {
                inline(line, text, spans);
                text.append(end);
            }
        }
        return new Markup(text.toString(), List.copyOf(spans));
    }

    /** The last fenced code block's content; all of the text when there is none. */
    static String insertable(String markdown) {
        String code = null;
        StringBuilder open = null;
        for (String line : markdown.split("\n", -1)) {
            if (line.stripLeading().startsWith("```")) {
                if (open != null) {
                    code = open.toString();
                    open = null;
                } else {
                    open = new StringBuilder();
                }
            } else if (open != null) {
                open.append(line).append('\n');
            }
        }
        return code == null ? markdown : code;
    }

    /** A table's row as an item of a list: its first cell, then what the others say of it. */
    private static String row(String line) {
        List<String> cells = Stream.of(line.split("\\|")).map(String::strip).filter(cell -> !cell.isEmpty()).toList();
        if (cells.isEmpty()) {
            return "";
        }
        String others = String.join(" · ", cells.subList(1, cells.size()));
        return "• " + cells.get(0) + (others.isEmpty() ? "" : " – " + others);
    }

    private static void inline(String line, StringBuilder text, List<Span> spans) {
        Matcher matcher = INLINE.matcher(line);
        int at = 0;
        while (matcher.find()) {
            text.append(line, at, matcher.start());
            boolean code = matcher.group(1) != null;
            add(text, spans, code ? Look.CODE : Look.BOLD, code ? matcher.group(1) : matcher.group(2));
            at = matcher.end();
        }
        text.append(line, at, line.length());
    }

    private static void add(StringBuilder text, List<Span> spans, Look look, String piece) {
        Span last = spans.isEmpty() ? null : spans.get(spans.size() - 1);
        if (last != null && last.look() == look && last.start() + last.length() == text.length()) {
            spans.set(spans.size() - 1, new Span(look, last.start(), last.length() + piece.length()));
        } else {
            spans.add(new Span(look, text.length(), piece.length()));
        }
        text.append(piece);
    }
}
