package org.tidemark.ploop.chain;

import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The names of images and snapshots in a descriptor: lower case, in braces. */
public final class Guid {
    /** Parent of a snapshot that has none. */
    public static final String NONE = "{00000000-0000-0000-0000-000000000000}";

    /** The image that is written to, always. */
    public static final String TOP = "{5fbaabe3-6958-40ff-92a7-860e329aab41}";

    private static final Pattern SHAPE =
            Pattern.compile("\\{[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}}");

    private Guid() {}

    public static String of(UUID uuid) {
        return "{" + uuid + "}";
    }

    /** Ids for an operation that is to use {@code first} before it makes up others. */
    public static Supplier<UUID> firstThenRandom(UUID first) {
        AtomicReference<@Nullable UUID> given = new AtomicReference<>(first);
        return () -> Objects.requireNonNullElseGet(given.getAndSet(null), UUID::randomUUID);
    }

    /** The id in a name; empty when it is none. Upper case is accepted, and braces may be missing. */
    public static Optional<UUID> idOf(String text) {
        String plain = normalise(text);
        String braced = plain.startsWith("{") ? plain : "{" + plain + "}";
        return isGuid(braced)
                ? Optional.of(UUID.fromString(braced.substring(1, braced.length() - 1)))
                : Optional.empty();
    }

    /** The usual spelling. Upper case is accepted, as every reader does. */
    public static String normalise(String text) {
        return text.trim().toLowerCase(Locale.ROOT);
    }

    public static boolean isGuid(String normalised) {
        return SHAPE.matcher(normalised).matches();
    }
}
