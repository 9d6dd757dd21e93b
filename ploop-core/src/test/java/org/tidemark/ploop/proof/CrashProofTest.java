package org.tidemark.ploop.proof;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * {@value #SEEDS} random lives of every kind, on all processors. {@code -Dseeds=N} for more in all, {@code -Dharness=NAME} for
 * one kind, {@code -Dharness=NAME -Dseed=N} for one life.
 */
@Timeout(1800)
final class CrashProofTest {
    static final int SEEDS = 20_000;
    private static final List<SeedRun.Result> DONE = new ArrayList<>();

    static Stream<Harness> harnesses() {
        return Parts.chosen(CrashHarnesses.ALL);
    }

    @ParameterizedTest
    @MethodSource("harnesses")
    void everyLifeIsSurvived(Harness harness) throws Exception {
        Parts.run(harness, SEEDS, getClass(), 0, DONE);
    }

    @AfterAll
    static void countThem() {
        SeedRun.Result all = DONE.stream().reduce(SeedRun.Result.NONE, SeedRun.Result::plus);
        System.out.println(all.seeds() + " lives with " + all.crashes() + " crashes in "
                + all.took().toSeconds() + " s");
        if (Parts.everything()) {
            assertThat(all.seeds()).isGreaterThanOrEqualTo(Integer.getInteger("seeds", SEEDS));
            assertThat(all.crashes()).isGreaterThan(all.seeds());
        }
    }
}
