package org.tidemark.appliance.rest.v1;

import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;

/**
 * Part of a list.
 *
 * @param next where the next part begins, to be given as {@code after}; null at the end
 */
public record Page<T>(List<T> items, @Nullable String next) {
    static final int USUAL = 100;
    static final int MOST = 500;

    static int checkedLimit(@Nullable Integer limit) throws ApplianceException {
        int wanted = limit == null ? USUAL : limit;
        if (wanted < 1 || wanted > MOST) {
            throw ApplianceException.usage("limit must be 1 to " + MOST + ", not " + wanted);
        }
        return wanted;
    }

    /** Cuts a part out of a whole list whose members have ascending or descending cursors. */
    static <T> Page<T> of(List<T> all, @Nullable Integer limit, @Nullable String after, Function<T, String> cursor)
            throws ApplianceException {
        int room = checkedLimit(limit);
        int from = 0;
        if (after != null) {
            while (from < all.size() && !cursor.apply(all.get(from)).equals(after)) {
                from++;
            }
            if (from == all.size()) {
                throw ApplianceException.usage("'" + after + "' is no place in this list; begin again without after");
            }
            from++;
        }
        List<T> items = all.subList(from, Math.min(all.size(), from + room));
        boolean more = from + room < all.size();
        return new Page<>(items, more ? cursor.apply(items.get(items.size() - 1)) : null);
    }

    /** Of the rows found when one more than {@code limit} was asked for. */
    static <T> Page<T> of(List<T> rows, int limit, Function<T, String> cursor) {
        if (rows.size() <= limit) {
            return new Page<>(rows, null);
        }
        return new Page<>(List.copyOf(rows.subList(0, limit)), cursor.apply(rows.get(limit - 1)));
    }
}
