package org.tidemark.ploop.proof;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import java.util.stream.Stream;

/** Which harnesses a test runs, with how many seeds. */
final class Parts {
    private static final String NAME = "harness";
    private static final String SEED = "seed";

    private Parts() {}

    /** Whether nothing was left out by a property. */
    static boolean everything() {
        return System.getProperty(NAME) == null && System.getProperty(SEED) == null;
    }

    static Stream<Harness> chosen(List<Harness> all) {
        String name = System.getProperty(NAME, "");
        return all.stream().filter(one -> name.isEmpty() || one.name().equals(name));
    }

    /** Runs a harness's part of all seeds, or the one to replay; adds what came of it to {@code done}. */
    static void run(Harness harness, int usual, Class<?> test, long maxHeapBytes, List<SeedRun.Result> done)
            throws Exception {
        Long replay = Long.getLong(SEED);
        if (replay != null) {
            harness.life().live(new Random(replay));
            return;
        }
        long all = Integer.getInteger("seeds", usual);
        long seeds = System.getProperty(NAME) == null ? (all * harness.perMille() + 999) / 1000 : all;
        SeedRun.Result result = new SeedRun(harness, test, maxHeapBytes)
                .run(1, seeds + 1, Runtime.getRuntime().availableProcessors());
        done.add(result);
        System.out.println(harness.name() + ": " + result.seeds() + " seeds in "
                + result.took().toMillis() + " ms, the longest took "
                + result.longest().toMillis() + " ms");
        assertThat(result.failures()).isEmpty();
        assertThat(result.seeds()).isEqualTo(seeds);
    }
}
