package io.oricode.eclipse.ui;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

class MarkupTest {
    @Test
    void fencedCodeIsShownWithoutItsFences() {
        Markup markup = Markup.of("Look:\n```abap\nWRITE 1.\nWRITE 2.\n```\nDone.");
        assertEquals("Look:\nWRITE 1.\nWRITE 2.\nDone.", markup.text());
        assertEquals(List.of(new Markup.Span(Markup.Look.CODE_BLOCK, 6, 18)), markup.spans());
    }

    @Test
    void anUnfinishedFenceIsCodeAlready() {
        assertEquals(List.of(new Markup.Span(Markup.Look.CODE_BLOCK, 0, 5)), Markup.of("```\nWRITE").spans());
    }

    @Test
    void boldAndInlineCodeLoseTheirMarks() {
        Markup markup = Markup.of("The **report** reads `VBAK`.");
        assertEquals("The report reads VBAK.", markup.text());
        assertEquals(
                List.of(new Markup.Span(Markup.Look.BOLD, 4, 6), new Markup.Span(Markup.Look.CODE, 17, 4)),
                markup.spans());
    }

    @Test
    void marksInsideCodeStay() {
        assertEquals("a ** b\n", Markup.of("```\na ** b\n```").text());
    }

    @Test
    void loneMarksStay() {
        assertEquals("2 * 3 ** 4 and ` alone", Markup.of("2 * 3 ** 4 and ` alone").text());
    }

    @Test
    void aTableBecomesAList() {
        Markup markup = Markup.of("| Part | What |\n| --- | :-: |\n| `lcl_x` | keeps | it |\nEnd");
        assertEquals("• Part – What\n• lcl_x – keeps · it\nEnd", markup.text());
        assertEquals(List.of(new Markup.Span(Markup.Look.CODE, 16, 5)), markup.spans());
    }

    @Test
    void headingsAreBold() {
        Markup markup = Markup.of("## Result\nfine");
        assertEquals("Result\nfine", markup.text());
        assertEquals(List.of(new Markup.Span(Markup.Look.BOLD, 0, 6)), markup.spans());
    }

    @Test
    void theLastFinishedCodeBlockIsWhatIsInserted() {
        assertEquals("B\n", Markup.insertable("x\n```\nA\n```\ny\n```abap\nB\n```\nz"));
        assertEquals("no code here", Markup.insertable("no code here"));
    }
}
