package io.oricode.eclipse.ui;

import io.oricode.eclipse.core.Look;
import io.oricode.eclipse.core.Status;
import org.eclipse.swt.SWT;
import org.eclipse.swt.custom.StackLayout;
import org.eclipse.swt.layout.GridData;
import org.eclipse.swt.layout.GridLayout;
import org.eclipse.swt.widgets.Button;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.swt.widgets.Event;
import org.eclipse.swt.widgets.Label;
import org.eclipse.swt.widgets.Text;

/**
 * The chat as plain SWT, without the workbench: the conversation, the status, an open question, and the field to ask in.
 * Shows a {@link Look} and tells an {@link Actions} what the person does. To be used by the UI thread alone.
 */
public final class ChatPanel extends Composite {
    /** What the person can do here. */
    public interface Actions {
        void ask(String prompt);

        void stop();

        void answer(String questionId, boolean yes);
    }

    private static final int PROMPT_HEIGHT = 58;

    private final Actions actions;
    private final Composite stack;
    private final StackLayout stackLayout = new StackLayout();
    private final ConversationText conversation;
    private final Composite empty;
    private final QuestionBar question;
    private final StatusStrip strip;
    private final Text prompt;
    private final Button send;
    private boolean live;

    public ChatPanel(Composite parent, Actions actions) {
        super(parent, SWT.NONE);
        this.actions = actions;
        GridLayout layout = new GridLayout();
        layout.marginWidth = 0;
        layout.marginHeight = 0;
        layout.verticalSpacing = 0;
        setLayout(layout);
        stack = new Composite(this, SWT.NONE);
        stack.setLayout(stackLayout);
        stack.setLayoutData(new GridData(SWT.FILL, SWT.FILL, true, true));
        conversation = new ConversationText(stack);
        empty = invitation(stack);
        stackLayout.topControl = empty;
        question = new QuestionBar(this, actions::answer);
        question.setLayoutData(hidden());
        strip = new StatusStrip(this, hidden());
        Composite input = new Composite(this, SWT.NONE);
        input.setLayout(new GridLayout(2, false));
        input.setLayoutData(new GridData(SWT.FILL, SWT.END, true, false));
        prompt = new Text(input, SWT.MULTI | SWT.WRAP | SWT.BORDER | SWT.V_SCROLL);
        prompt.setData(Keys.WIDGET, "prompt");
        prompt.setToolTipText("Enter sends, Shift+Enter starts a new line");
        GridData wide = new GridData(SWT.FILL, SWT.FILL, true, false);
        wide.heightHint = PROMPT_HEIGHT;
        wide.widthHint = 80;
        prompt.setLayoutData(wide);
        prompt.addListener(SWT.KeyDown, this::key);
        send = new Button(input, SWT.PUSH);
        send.setData(Keys.WIDGET, "send");
        send.setText("Send");
        GridData tall = new GridData(SWT.FILL, SWT.FILL, false, false);
        tall.widthHint = 64;
        send.setLayoutData(tall);
        send.addListener(SWT.Selection, event -> pressed());
    }

    /** Shows how things stand now. */
    public void show(Look look) {
        boolean nothing = look.entries().isEmpty() && look.status().phase() == Status.Phase.IDLE;
        conversation.show(look.entries());
        if ((stackLayout.topControl == empty) != nothing) {
            stackLayout.topControl = nothing ? empty : conversation.control();
            stack.layout();
        }
        question.show(look.question());
        strip.show(look.status(), look.beats());
        live = look.status().phase().live();
        String label = live ? "Stop" : "Send";
        if (!send.getText().equals(label)) {
            send.setText(label);
        }
        send.setEnabled(look.status().phase() != Status.Phase.STOPPING);
    }

    /** The last answer, with its Markdown; empty when there is none. */
    public String lastAnswer() {
        return conversation.lastAnswer();
    }

    /** Puts words into the field, for the person to go on from. */
    public void suggest(String words) {
        prompt.setText(words);
        prompt.setSelection(words.length());
        prompt.setFocus();
    }

    @Override
    public boolean setFocus() {
        return prompt.setFocus();
    }

    private void key(Event event) {
        boolean enter = event.keyCode == SWT.CR || event.keyCode == SWT.KEYPAD_CR;
        if (enter && (event.stateMask & SWT.MODIFIER_MASK) == 0) {
            event.doit = false;
            if (!live) {
                pressed();
            }
        }
    }

    private void pressed() {
        if (live) {
            actions.stop();
        } else if (!prompt.getText().isBlank()) {
            String words = prompt.getText().strip();
            prompt.setText("");
            actions.ask(words);
        }
    }

    private static Composite invitation(Composite parent) {
        Composite page = new Composite(parent, SWT.NONE);
        page.setBackground(new Palette(page).field());
        GridLayout margins = new GridLayout();
        margins.marginWidth = 24;
        page.setLayout(margins);
        Label words = new Label(page, SWT.WRAP | SWT.CENTER);
        words.setData(Keys.WIDGET, "invitation");
        words.setText("Ask about your code, or let Oricode write, check and deploy a program.\n\n"
                + "Select code in an editor and choose Oricode > Explain Selection from its context menu.\n\n"
                + "Enter sends, Shift+Enter starts a new line.");
        words.setBackground(page.getBackground());
        words.setForeground(new Palette(page).muted());
        GridData centered = new GridData(SWT.FILL, SWT.CENTER, true, true);
        centered.widthHint = 100;
        words.setLayoutData(centered);
        return page;
    }

    private static GridData hidden() {
        GridData data = new GridData(SWT.FILL, SWT.CENTER, true, false);
        data.exclude = true;
        return data;
    }
}
