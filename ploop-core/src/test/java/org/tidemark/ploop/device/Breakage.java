package org.tidemark.ploop.device;

import java.util.function.UnaryOperator;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.io.ImageDirectory;

/**
 * What is deliberately wrong in a run of the crash harness.
 *
 * @param top replaces the top delta
 * @param lower replaces every other delta
 * @param folder replaces the folder below the order check
 * @param ordered whether the order check is on
 */
record Breakage(
        UnaryOperator<Delta> top, UnaryOperator<Delta> lower, UnaryOperator<ImageDirectory> folder, boolean ordered) {
    /** Nothing is wrong. */
    static final Breakage NONE =
            new Breakage(UnaryOperator.identity(), UnaryOperator.identity(), UnaryOperator.identity(), true);

    static Breakage ofTop(UnaryOperator<Delta> top) {
        return new Breakage(top, UnaryOperator.identity(), UnaryOperator.identity(), true);
    }

    static Breakage ofLower(UnaryOperator<Delta> lower) {
        return new Breakage(UnaryOperator.identity(), lower, UnaryOperator.identity(), true);
    }

    /** The same without the order check, which would be the first to notice. */
    Breakage unordered() {
        return new Breakage(top, lower, folder, false);
    }
}
