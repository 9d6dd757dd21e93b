package org.tidemark.ploop.proof;

import java.util.Random;

/**
 * One kind of random life, or of random input.
 *
 * @param name for {@code -Dharness=NAME}
 * @param covers what it puts to the test, in words
 * @param perMille its part of all seeds
 * @param life what one seed does; each one has a world of its own and shares nothing with others
 */
public record Harness(String name, String covers, int perMille, Life life) {
    /** What one seed does; throws when something is wrong. */
    @FunctionalInterface
    public interface Life {
        void live(Random random) throws Exception;
    }
}
