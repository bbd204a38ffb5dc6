package io.oricode.eclipse.core;

import java.util.List;

/**
 * All that a view shows, at one moment; immutable.
 *
 * @param beats the heartbeats seen so far: when the number grows, the dot blinks
 * @param question the oldest open question; null when there is none
 * @param failures the errors so far: when the number grows, {@code failure} is told in a dialog
 * @param failure the last error's sentence; null before there was one
 */
public record Look(
        List<Entry> entries, Status status, int beats, Question question, int failures, String failure) {}
