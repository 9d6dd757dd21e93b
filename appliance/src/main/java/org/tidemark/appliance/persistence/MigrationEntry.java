package org.tidemark.appliance.persistence;

import java.time.Instant;
import java.util.Map;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/**
 * A container that moves, or moved, between this appliance and another. Who may write to its images is said by the records beside
 * them; this is where to find them, and what people are told.
 *
 * @param id of the migration, the same on both sides
 * @param details what the side needs to go on after its death
 */
public record MigrationEntry(
        String id,
        Direction direction,
        String container,
        String peer,
        State state,
        Map<String, Object> details,
        @Nullable String notice,
        Instant createdAt,
        Instant updatedAt) {
    /** Which side this appliance is. */
    @Schema(name = "MigrationDirection")
    public enum Direction {
        OUT,
        IN
    }

    /** Where it is. */
    @Schema(name = "MigrationState")
    public enum State {
        /** Its images are copied; it runs where it was. */
        COPYING,
        /** It is stopped where it was, and not yet decided. */
        STOPPED,
        /** The source has decided and waits to hear that the other side has it. */
        LEAVING,
        /** It is on the other side, for good. */
        GONE,
        /** It is here, for good; being started, or started. */
        ARRIVED,
        /** It is here and was started. */
        STARTED,
        /** It stayed where it was. */
        ENDED
    }

    public String detail(String name) {
        Object value = details.get(name);
        return value == null ? "" : value.toString();
    }
}
