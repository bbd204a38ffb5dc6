package io.oricode.eclipse.ui;

import io.oricode.eclipse.core.ChatSession;
import io.oricode.eclipse.core.Connection;
import io.oricode.eclipse.core.Jobs;
import io.oricode.eclipse.core.Keyring;
import io.oricode.eclipse.core.Look;
import io.oricode.eclipse.core.ServiceSettings;
import org.eclipse.jface.action.Action;
import org.eclipse.jface.dialogs.MessageDialog;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.ui.IActionBars;
import org.eclipse.ui.ISharedImages;
import org.eclipse.ui.PlatformUI;
import org.eclipse.ui.dialogs.PreferencesUtil;
import org.eclipse.ui.part.ViewPart;

/** The chat in the workbench: a {@link ChatPanel}, its session, and the tool bar. */
public final class ChatView extends ViewPart {
    public static final String ID = "io.oricode.eclipse.ui.chat";

    private ChatPanel panel;
    private ChatSession session;
    private int failuresTold;

    @Override
    public void createPartControl(Composite parent) {
        panel = new ChatPanel(parent, new ChatPanel.Actions() {
            @Override
            public void ask(String prompt) {
                session.ask(prompt, prompt);
            }

            @Override
            public void stop() {
                session.stop();
            }

            @Override
            public void answer(String questionId, boolean yes) {
                session.answer(questionId, yes);
            }
        });
        ServiceSettings settings = new ServiceSettings();
        session = new ChatSession(
                new Connection(settings::url, new Keyring()::read),
                settings,
                new Jobs(),
                new Editors(parent.getDisplay()),
                Ui.coalesced(panel, this::redraw));
        IActionBars bars = getViewSite().getActionBars();
        bars.getToolBarManager().add(action("New Chat", ISharedImages.IMG_TOOL_NEW_WIZARD, session::newChat));
        bars.getToolBarManager().add(new HistoryAction(panel, session));
        bars.getMenuManager().add(action("Preferences...", null, () -> PreferencesUtil.createPreferenceDialogOn(
                panel.getShell(), OricodePreferencePage.ID, null, null).open()));
        redraw();
        session.resume();
    }

    /** Asks in the person's name. @param shown what the conversation shows */
    void ask(String shown, String prompt) {
        session.ask(shown, prompt);
    }

    /** Puts words into the field, for the person to go on from. */
    void suggest(String words) {
        panel.suggest(words);
    }

    /** The last answer, with its Markdown; empty when there is none. */
    String lastAnswer() {
        return panel.lastAnswer();
    }

    @Override
    public void setFocus() {
        panel.setFocus();
    }

    @Override
    public void dispose() {
        if (session != null) {
            session.close();
        }
        super.dispose();
    }

    private void redraw() {
        Look look = session.look();
        panel.show(look);
        if (look.failures() > failuresTold) {
            failuresTold = look.failures();
            Ui.later(panel, () -> MessageDialog.openError(panel.getShell(), "Oricode", look.failure()));
        }
    }

    private static Action action(String name, String image, Runnable work) {
        Action action = new Action(name) {
            @Override
            public void run() {
                work.run();
            }
        };
        action.setToolTipText(name);
        if (image != null) {
            action.setImageDescriptor(PlatformUI.getWorkbench().getSharedImages().getImageDescriptor(image));
        }
        return action;
    }
}
