package org.tidemark.appliance.persistence;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Another appliance that was paired with this one.
 *
 * @param fingerprint SHA-256 of its certificate, 64 hex digits: by this it is known, and by nothing else
 * @param address {@code HOST:PORT} where it waits; null when it only comes to us
 */
public record PeerEntry(
        String name, String fingerprint, @Nullable String address, Instant pairedAt) {}
