package org.tidemark.backup.repository;

import java.time.Instant;
import java.util.Map;
import org.tidemark.backup.repository.log.Grade;

/**
 * What a commit adds to the images.
 *
 * @param instant when the images were frozen
 * @param freezeMillis how long the file systems were frozen
 * @param definition the container's definition: JSON values only, together well below 1 MiB
 */
public record PointDescription(Instant instant, Grade grade, long freezeMillis, Map<String, Object> definition) {}
