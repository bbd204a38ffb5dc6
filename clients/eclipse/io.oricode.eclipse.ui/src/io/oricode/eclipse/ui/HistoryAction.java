package io.oricode.eclipse.ui;

import io.oricode.eclipse.core.ChatSession;
import io.oricode.eclipse.core.StoredChat;
import java.util.List;
import org.eclipse.jface.action.Action;
import org.eclipse.swt.SWT;
import org.eclipse.swt.widgets.Menu;
import org.eclipse.swt.widgets.MenuItem;
import org.eclipse.ui.ISharedImages;
import org.eclipse.ui.PlatformUI;

/** Lists the latest chats in a menu, to be opened again. */
final class HistoryAction extends Action {
    private static final int LONGEST_TITLE = 60;

    private final ChatPanel panel;
    private final ChatSession session;

    HistoryAction(ChatPanel panel, ChatSession session) {
        super("History");
        this.panel = panel;
        this.session = session;
        setToolTipText("Open an earlier chat");
        setImageDescriptor(
                PlatformUI.getWorkbench().getSharedImages().getImageDescriptor(ISharedImages.IMG_OBJ_FOLDER));
    }

    @Override
    public void run() {
        session.history(titles -> Ui.later(panel, () -> popUp(titles)));
    }

    private void popUp(List<StoredChat.Title> titles) {
        Menu menu = new Menu(panel);
        for (StoredChat.Title title : titles) {
            MenuItem item = new MenuItem(menu, SWT.PUSH);
            item.setText(label(title));
            item.addListener(SWT.Selection, event -> session.open(title.chatId(), title.liveRun()));
        }
        if (titles.isEmpty()) {
            MenuItem none = new MenuItem(menu, SWT.PUSH);
            none.setText("There are no chats yet");
            none.setEnabled(false);
        }
        menu.addListener(SWT.Hide, event -> Ui.later(panel, menu::dispose)); // after the item's own event
        menu.setVisible(true);
    }

    private static String label(StoredChat.Title title) {
        String text = title.title().isBlank() ? "Untitled" : title.title().replace('\n', ' ').replace("&", "&&");
        String cut = text.length() > LONGEST_TITLE ? text.substring(0, LONGEST_TITLE - 1) + "…" : text;
        return title.liveRun().isEmpty() ? cut : cut + " (running)";
    }
}
