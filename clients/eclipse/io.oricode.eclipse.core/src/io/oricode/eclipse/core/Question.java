package io.oricode.eclipse.core;

/**
 * A decision that waits for the person.
 *
 * @param id unique within the session
 * @param detail what it is about, perhaps many lines
 * @param yes the label of the button that agrees
 * @param no the label of the button that declines
 */
public record Question(String id, String title, String detail, String yes, String no) {}
