package org.tidemark.backup.target;

/**
 * What a target promises.
 *
 * @param durable a put that returned survives the loss of power
 * @param shared other hosts may write here at the same time and create-if-absent holds between them
 * @param preferredReadBytes how much one request had best read where much is read in a row; 0 where requests cost
 *     nothing to speak of
 */
public record TargetCapabilities(boolean durable, boolean shared, int preferredReadBytes) {
    public TargetCapabilities(boolean durable, boolean shared) {
        this(durable, shared, 0);
    }
}
