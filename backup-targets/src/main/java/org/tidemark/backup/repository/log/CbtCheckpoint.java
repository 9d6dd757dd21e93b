package org.tidemark.backup.repository.log;

/**
 * A moment in the life of a changed-block tracker. A point keeps the one its image was frozen at; the next increment
 * holds what changed since.
 *
 * @param cbtId names the tracker; a tracker that lost its memory gets a new one
 * @param generation counts the instants
 */
public record CbtCheckpoint(String cbtId, long generation) {}
