package io.oricode.eclipse.ui;

import io.oricode.eclipse.core.Status;
import org.eclipse.swt.SWT;
import org.eclipse.swt.graphics.Color;
import org.eclipse.swt.layout.GridData;
import org.eclipse.swt.layout.GridLayout;
import org.eclipse.swt.widgets.Canvas;
import org.eclipse.swt.widgets.Composite;
import org.eclipse.swt.widgets.Control;
import org.eclipse.swt.widgets.Label;
import org.eclipse.swt.widgets.ProgressBar;

/** What the run is doing: a dot that blinks with each heartbeat, a label, and a bar when the progress is known. */
final class StatusStrip extends Composite {
    private static final int BLINK_MS = 400;

    private final Palette palette;
    private final Canvas dot;
    private final Label label;
    private final ProgressBar bar;
    private Status status = Status.IDLE;
    private int beats;
    private boolean lit;

    StatusStrip(Composite parent, GridData layoutData) {
        super(parent, SWT.NONE);
        setLayoutData(layoutData);
        palette = new Palette(this);
        GridLayout layout = new GridLayout(2, false);
        layout.marginHeight = 2;
        setLayout(layout);
        dot = new Canvas(this, SWT.DOUBLE_BUFFERED);
        dot.setLayoutData(new GridData(12, 12));
        dot.setToolTipText("Blinks with each sign of life of the service");
        dot.addPaintListener(event -> {
            event.gc.setAntialias(SWT.ON);
            event.gc.setBackground(color());
            int size = lit ? 11 : 7;
            event.gc.fillOval((12 - size) / 2, (12 - size) / 2, size, size);
        });
        label = new Label(this, SWT.NONE);
        label.setData(Keys.WIDGET, "status");
        label.setLayoutData(new GridData(SWT.FILL, SWT.CENTER, true, false));
        bar = new ProgressBar(this, SWT.SMOOTH);
        bar.setData(Keys.WIDGET, "bar");
        GridData wide = new GridData(SWT.FILL, SWT.CENTER, true, false, 2, 1);
        bar.setLayoutData(wide);
        bar.setVisible(false);
        wide.exclude = true;
        setVisible(false);
    }

    void show(Status now, int beatsNow) {
        if (beatsNow != beats) {
            beats = beatsNow;
            blink();
        }
        if (now.equals(status)) {
            return;
        }
        status = now;
        label.setText(now.label());
        label.setToolTipText(now.label());
        label.setForeground(now.phase() == Status.Phase.IDLE ? getForeground() : color());
        boolean known = now.percent() >= 0;
        bar.setSelection(Math.max(0, now.percent()));
        bar.setState(now.phase() == Status.Phase.FAILED ? SWT.ERROR : SWT.NORMAL);
        if (bar.getVisible() != known) {
            bar.setVisible(known);
            ((GridData) bar.getLayoutData()).exclude = !known;
        }
        boolean visible = now.phase() != Status.Phase.IDLE;
        setVisible(visible);
        ((GridData) getLayoutData()).exclude = !visible;
        dot.redraw();
        getParent().layout(new Control[] {label, bar, this});
    }

    private void blink() {
        lit = true;
        dot.redraw();
        getDisplay().timerExec(BLINK_MS, () -> {
            if (!isDisposed()) {
                lit = false;
                dot.redraw();
            }
        });
    }

    private Color color() {
        return switch (status.phase()) {
            case WORKING -> palette.accent();
            case COMPLETE -> palette.good();
            case FAILED -> palette.bad();
            case RECONNECTING -> palette.waiting();
            default -> palette.muted();
        };
    }
}
