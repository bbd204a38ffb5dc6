package io.oricode.eclipse.ui;

import io.oricode.eclipse.core.Question;
import java.util.function.BiConsumer;
import org.eclipse.swt.SWT;
import org.eclipse.swt.layout.GridData;
import org.eclipse.swt.layout.GridLayout;
import org.eclipse.swt.widgets.Button;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.swt.widgets.Label;
import org.eclipse.swt.widgets.Text;

/** A decision that waits for the person, inside the view: nothing pops up while somebody types. */
final class QuestionBar extends Composite {
    private static final int DETAIL_HEIGHT = 110;

    private final Label title;
    private final Text detail;
    private final Button yes;
    private final Button no;
    private Question question;

    /** @param answered told the question's id and the answer */
    QuestionBar(Composite parent, BiConsumer<String, Boolean> answered) {
        super(parent, SWT.BORDER);
        setLayout(new GridLayout(3, false));
        title = new Label(this, SWT.WRAP);
        title.setData(Keys.WIDGET, "question");
        title.setLayoutData(new GridData(SWT.FILL, SWT.CENTER, true, false, 3, 1));
        detail = new Text(this, SWT.MULTI | SWT.READ_ONLY | SWT.BORDER | SWT.V_SCROLL | SWT.H_SCROLL);
        detail.setData(Keys.WIDGET, "question-detail");
        detail.setFont(Palette.code());
        GridData tall = new GridData(SWT.FILL, SWT.FILL, true, false, 3, 1);
        tall.heightHint = DETAIL_HEIGHT;
        tall.widthHint = 100;
        detail.setLayoutData(tall);
        new Label(this, SWT.NONE).setLayoutData(new GridData(SWT.FILL, SWT.CENTER, true, false));
        no = button("no", answered, false);
        yes = button("yes", answered, true);
        setVisible(false);
    }

    void show(Question now) {
        if (now == question) {
            return;
        }
        question = now;
        if (now != null) {
            title.setText(now.title());
            detail.setText(now.detail());
            yes.setText(now.yes());
            no.setText(now.no());
        }
        setVisible(now != null);
        ((GridData) getLayoutData()).exclude = now == null;
        getParent().layout(true, true);
    }

    private Button button(String key, BiConsumer<String, Boolean> answered, boolean agrees) {
        Button button = new Button(this, SWT.PUSH);
        button.setData(Keys.WIDGET, key);
        button.addListener(SWT.Selection, event -> answered.accept(question.id(), agrees));
        return button;
    }
}
