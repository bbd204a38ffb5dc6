package io.oricode.eclipse.ui;

import org.eclipse.jface.resource.JFaceResources;
import org.eclipse.swt.SWT;
import org.eclipse.swt.graphics.Color;
import org.eclipse.swt.graphics.Font;
import org.eclipse.swt.graphics.RGB;
import org.eclipse.swt.widgets.Control;

/** The colours and fonts of the chat, taken from the theme in use, so that dark themes stay dark. */
final class Palette {
    private final Control control;

    Palette(Control control) {
        this.control = control;
    }

    Color accent() {
        return new Color(dark() ? new RGB(122, 170, 255) : new RGB(31, 91, 191));
    }

    Color muted() {
        return mixed(0.62);
    }

    Color codeBackground() {
        return new Color(mix(control.getBackground().getRGB(), control.getForeground().getRGB(), 0.07));
    }

    Color good() {
        return new Color(dark() ? new RGB(105, 200, 120) : new RGB(30, 130, 60));
    }

    Color bad() {
        return new Color(dark() ? new RGB(255, 120, 110) : new RGB(180, 35, 24));
    }

    Color waiting() {
        return new Color(dark() ? new RGB(240, 190, 90) : new RGB(173, 104, 0));
    }

    Color field() {
        return control.getDisplay().getSystemColor(SWT.COLOR_LIST_BACKGROUND);
    }

    static Font code() {
        return JFaceResources.getFont(JFaceResources.TEXT_FONT);
    }

    private Color mixed(double share) {
        return new Color(mix(control.getBackground().getRGB(), control.getForeground().getRGB(), share));
    }

    private boolean dark() {
        RGB background = control.getBackground().getRGB();
        return background.red + background.green + background.blue < 384;
    }

    private static RGB mix(RGB from, RGB to, double share) {
        return new RGB(
                (int) Math.round(from.red + (to.red - from.red) * share),
                (int) Math.round(from.green + (to.green - from.green) * share),
                (int) Math.round(from.blue + (to.blue - from.blue) * share));
    }
}
