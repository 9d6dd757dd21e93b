package org.tidemark.scheduler;

import java.util.Random;
import java.util.stream.LongStream;

/** Seeds for random tests: {@code -Dseed=N} replays one, {@code -Dseeds=N} says how many to run. */
final class Seeds {
    private Seeds() {}

    /** The seeds of one test: the one to replay, or {@code -Dseeds} of them (else {@code usual}), always the same. */
    static LongStream of(int usual) {
        Long replay = Long.getLong("seed");
        if (replay != null) {
            return LongStream.of(replay);
        }
        int count = Integer.getInteger("seeds", usual);
        return LongStream.range(1, count + 1L);
    }

    /** Runs {@code body} with a generator of its own; on failure says how to run just this seed again. */
    static void replayable(Class<?> test, long seed, Body body) throws Exception {
        try {
            body.run(new Random(seed));
        } catch (AssertionError e) {
            throw new AssertionError(replay(test, seed) + ": " + e.getMessage(), e);
        } catch (Exception e) {
            throw new IllegalStateException(replay(test, seed) + ": " + e, e);
        }
    }

    private static String replay(Class<?> test, long seed) {
        String words = "replay with -Dseed=" + seed + " -Dtest=" + test.getSimpleName();
        System.out.println(words);
        return words;
    }

    /** One seeded run. */
    @FunctionalInterface
    interface Body {
        void run(Random random) throws Exception;
    }
}
