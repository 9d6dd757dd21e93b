package org.tidemark.scheduler;

import java.time.Instant;

/** A recovery point as retention sees it; {@code instant} is the instant of its snapshot. */
public record RetentionPoint(String id, Instant instant, boolean isProtected) {}
