package org.tidemark.backup.target;

/**
 * One thing that was tried on a target, for a settings page.
 *
 * @param name what, in one or two words: {@code connect}, {@code authenticate}, {@code write}, ...
 * @param ok whether it did what a backup needs
 * @param millis how long it took
 * @param detail what was found; when not ok, what to do about it
 */
public record ProbeStep(String name, boolean ok, long millis, String detail) {}
