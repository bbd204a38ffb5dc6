package io.oricode.eclipse.ui;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.oricode.eclipse.core.Entry;
import io.oricode.eclipse.core.Look;
import io.oricode.eclipse.core.Question;
import io.oricode.eclipse.core.Status;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.eclipse.swt.SWT;
import org.eclipse.swt.custom.StyledText;
import org.eclipse.swt.graphics.GC;
import org.eclipse.swt.graphics.Image;
import org.eclipse.swt.graphics.ImageData;
import org.eclipse.swt.graphics.ImageLoader;
import org.eclipse.swt.layout.FillLayout;
import org.eclipse.swt.widgets.Button;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.swt.widgets.Control;
import org.eclipse.swt.widgets.Display;
import org.eclipse.swt.widgets.Event;
import org.eclipse.swt.widgets.Label;
import org.eclipse.swt.widgets.ProgressBar;
import org.eclipse.swt.widgets.Shell;
import org.eclipse.swt.widgets.Text;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The panel alone, with real widgets. Needs a display. */
@Timeout(60)
class ChatPanelTest {
    private static final Entry YOU = new Entry(Entry.Kind.YOU, "Write a report");
    private static Display display;

    private final List<String> done = new ArrayList<>();
    private Shell shell;
    private ChatPanel panel;

    @BeforeAll
    static void openDisplay() {
        display = new Display();
    }

    @AfterAll
    static void closeDisplay() {
        display.dispose();
    }

    @BeforeEach
    void open() {
        shell = new Shell(display);
        shell.setLayout(new FillLayout());
        shell.setSize(520, 640);
        panel = new ChatPanel(shell, new ChatPanel.Actions() {
            @Override
            public void ask(String prompt) {
                done.add("ask " + prompt);
            }

            @Override
            public void stop() {
                done.add("stop");
            }

            @Override
            public void answer(String questionId, boolean yes) {
                done.add("answer " + questionId + " " + yes);
            }
        });
        shell.open();
    }

    @AfterEach
    void close() {
        shell.dispose();
    }

    @Test
    void nothingAskedYetInvites() {
        show(List.of(), Status.IDLE, null);
        assertTrue(this.<Label>widget("invitation").isVisible());
        assertFalse(this.<StyledText>widget("conversation").isVisible());
        assertFalse(this.<ProgressBar>widget("bar").isVisible());
    }

    @Test
    void theBarShowsWholePercentsAndTheLabelTheMessage() {
        for (int percent : new int[] {12, 25, 37, 50, 62, 75, 87, 100}) {
            show(List.of(YOU), new Status(Status.Phase.WORKING, "Storing...", percent), null);
            assertEquals(percent, this.<ProgressBar>widget("bar").getSelection());
            assertTrue(this.<ProgressBar>widget("bar").isVisible());
        }
        assertEquals("Storing...", this.<Label>widget("status").getText());
    }

    @Test
    void anUnknownPercentHidesTheBar() {
        show(List.of(YOU), new Status(Status.Phase.WORKING, "Checking...", 50), null);
        show(List.of(YOU), new Status(Status.Phase.WORKING, "Checking...", -1), null);
        assertFalse(this.<ProgressBar>widget("bar").isVisible());
    }

    @Test
    void everyStepOfAStreamedAnswerEqualsTheWhole() {
        String answer = "I **write** it:\n```abap\nREPORT z.\nWRITE `x`.\n```\n| a | b |\nDone, `z` runs.";
        for (int length = 0; length <= answer.length(); length++) {
            show(List.of(YOU, oricode(answer.substring(0, length))), working(), null);
            String streamed = this.<StyledText>widget("conversation").getText();
            ConversationText fresh = new ConversationText(shell);
            fresh.show(List.of(YOU, oricode(answer.substring(0, length))));
            assertEquals(fresh.control().getText(), streamed, "after " + length + " characters");
            assertEquals(
                    List.of(fresh.control().getStyleRanges()),
                    List.of(this.<StyledText>widget("conversation").getStyleRanges()),
                    "after " + length + " characters");
            fresh.control().dispose();
        }
    }

    @Test
    void aVoidedAttemptDisappears() {
        show(List.of(YOU, oricode("Half a sent")), working(), null);
        show(List.of(YOU), working(), null);
        show(List.of(YOU, oricode("A whole one.")), working(), null);
        String text = this.<StyledText>widget("conversation").getText();
        assertFalse(text.contains("Half"), text);
        assertTrue(text.endsWith("A whole one."), text);
    }

    @Test
    void enterAsksAndEmptiesTheField() {
        show(List.of(), Status.IDLE, null);
        this.<Text>widget("prompt").setText("  Explain this  ");
        press(0);
        assertEquals(List.of("ask Explain this"), done);
        assertEquals("", this.<Text>widget("prompt").getText());
    }

    @Test
    void shiftEnterAndAnEmptyFieldAskNothing() {
        show(List.of(), Status.IDLE, null);
        press(0);
        this.<Text>widget("prompt").setText("two lines");
        press(SWT.SHIFT);
        assertEquals(List.of(), done);
    }

    @Test
    void whileARunIsLiveTheButtonStopsAndEnterDoesNothing() {
        show(List.of(YOU), working(), null);
        assertEquals("Stop", this.<Button>widget("send").getText());
        this.<Text>widget("prompt").setText("next question");
        press(0);
        this.<Button>widget("send").notifyListeners(SWT.Selection, new Event());
        assertEquals(List.of("stop"), done);
        assertEquals("next question", this.<Text>widget("prompt").getText());
        show(List.of(YOU), new Status(Status.Phase.STOPPING, "Stopping…", -1), null);
        assertFalse(this.<Button>widget("send").isEnabled());
    }

    @Test
    void aQuestionIsShownUntilItIsAnswered() {
        Question question = new Question("q1", "Oricode wants to change z.abap", "- a\n+ b", "Apply", "Reject");
        show(List.of(YOU), working(), question);
        assertTrue(this.<Label>widget("question").isVisible());
        assertEquals("- a\n+ b", this.<Text>widget("question-detail").getText());
        this.<Button>widget("yes").notifyListeners(SWT.Selection, new Event());
        this.<Button>widget("no").notifyListeners(SWT.Selection, new Event());
        assertEquals(List.of("answer q1 true", "answer q1 false"), done);
        show(List.of(YOU), working(), null);
        assertFalse(this.<Label>widget("question").isVisible());
    }

    @Test
    void aRedrawThatComesLateTouchesNoDisposedWidget() throws InterruptedException {
        AtomicInteger redraws = new AtomicInteger();
        Runnable redraw = Ui.coalesced(panel, redraws::incrementAndGet);
        Thread other = new Thread(() -> {
            for (int i = 0; i < 1000; i++) {
                redraw.run();
            }
        });
        other.start();
        other.join();
        shell.dispose();
        redraw.run();
        while (display.readAndDispatch()) {
            // until nothing is left to do
        }
        assertEquals(0, redraws.get());
    }

    @Test
    void picturesForAPersonToLookAt() {
        String code = "```abap\nREPORT zori.\nWRITE: / 'open orders'.\n```";
        List<Entry> talk = List.of(
                YOU,
                oricode("I'll write **ZORI**, in two parts."),
                new Entry(Entry.Kind.TOOL, "✓ chunk 1/2 of ZORI"),
                new Entry(Entry.Kind.TOOL, "✗ chunk 2/2 of ZORI"),
                oricode("It reads `VBAK`:\n" + code + "\nShall I go on?"));
        show(List.of(), Status.IDLE, null);
        shoot("panel-empty");
        show(talk, new Status(Status.Phase.RECONNECTING, "Reconnecting…", 37), null);
        shoot("panel-reconnecting");
        Question question = new Question(
                "q1", "Oricode wants to change zori.abap", "- WRITE 1.\n+ WRITE 2.", "Apply", "Reject");
        show(talk, new Status(Status.Phase.WORKING, "Waiting for you", 50), question);
        shoot("panel-question");
        List<Entry> failed = new ArrayList<>(talk);
        failed.add(new Entry(Entry.Kind.NOTE, "The model is overloaded; try again in a while."));
        show(failed, new Status(Status.Phase.FAILED, "Failed", 37), null);
        shoot("panel-failed");
        shell.setSize(240, 420);
        shoot("panel-narrow");
        assertTrue(this.<Button>widget("send").getBounds().width > 0);
        assertTrue(this.<Text>widget("prompt").getSize().x > 80, "the field stays usable when it is narrow");
    }

    private static Status working() {
        return new Status(Status.Phase.WORKING, "Answering…", -1);
    }

    private static Entry oricode(String text) {
        return new Entry(Entry.Kind.ORICODE, text);
    }

    private void show(List<Entry> entries, Status status, Question question) {
        panel.show(new Look(entries, status, 0, question, 0, null));
    }

    private void press(int modifiers) {
        Event event = new Event();
        event.keyCode = SWT.CR;
        event.character = SWT.CR;
        event.stateMask = modifiers;
        this.<Text>widget("prompt").notifyListeners(SWT.KeyDown, event);
    }

    /** Draws all there is to draw, and saves what the window shows. */
    private void shoot(String name) {
        shell.layout(true, true);
        for (int rounds = 0; rounds < 50; rounds++) {
            while (display.readAndDispatch()) {
                // until nothing is left to draw
            }
            display.update();
        }
        Image image = new Image(display, shell.getClientArea().width, shell.getClientArea().height);
        GC gc = new GC(shell);
        gc.copyArea(image, 0, 0);
        gc.dispose();
        ImageLoader loader = new ImageLoader();
        loader.data = new ImageData[] {image.getImageData()};
        loader.save(System.getProperty("shots") + "/" + name + ".png", SWT.IMAGE_PNG);
        image.dispose();
    }

    @SuppressWarnings("unchecked")
    private <T extends Control> T widget(String key) {
        Control found = find(panel, key);
        assertTrue(found != null, "no widget " + key);
        return (T) found;
    }

    private static Control find(Composite in, String key) {
        for (Control child : in.getChildren()) {
            if (key.equals(child.getData(Keys.WIDGET))) {
                return child;
            }
            Control found = child instanceof Composite composite ? find(composite, key) : null;
            if (found != null) {
                return found;
            }
        }
        return null;
    }
}
