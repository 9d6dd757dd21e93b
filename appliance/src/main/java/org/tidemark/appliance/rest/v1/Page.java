package org.tidemark.appliance.rest.v1;

import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A part of a list.
 *
 * @param next what {@code after} must be to get the next part; null at the end
 */
public record Page<T>(List<T> items, @Nullable String next) {
    /** Of the rows found when one more than {@code limit} was asked for. */
    static <T> Page<T> of(List<T> rows, int limit, Function<T, String> cursor) {
        if (rows.size() <= limit) {
            return new Page<>(rows, null);
        }
        return new Page<>(List.copyOf(rows.subList(0, limit)), cursor.apply(rows.get(limit - 1)));
    }
}
