package org.tidemark.backup.repository.verify;

/**
 * Something that cannot be read as it was written.
 *
 * @param point the point id, or {@code number n} when its record itself is damaged
 * @param imageId empty when the record is damaged
 * @param offsetBytes where in the image; -1 when the damage is not at one place
 * @param what the whole story, packs named
 */
public record Damage(String containerId, String point, String imageId, long offsetBytes, String what) {}
