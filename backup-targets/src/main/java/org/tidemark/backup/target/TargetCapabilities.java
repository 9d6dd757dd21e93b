package org.tidemark.backup.target;

/**
 * What a target promises.
 *
 * @param durable a put that returned survives the loss of power
 * @param shared other hosts may write here at the same time and create-if-absent holds between them
 */
public record TargetCapabilities(boolean durable, boolean shared) {}
