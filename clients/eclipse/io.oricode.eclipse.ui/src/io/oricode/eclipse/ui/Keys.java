package io.oricode.eclipse.ui;

/** Names of widgets, under the key that UI test tools for SWT look for. */
final class Keys {
    static final String WIDGET = "org.eclipse.swtbot.widget.key";

    private Keys() {}
}
