package org.tidemark.ploop.check;

import java.util.List;

/**
 * What was done to a file.
 *
 * @param steps sentences for people
 * @param undoName the file beside it that takes it back
 */
public record RepairOutcome(List<String> steps, String undoName) {}
