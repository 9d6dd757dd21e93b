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
 * {@value #INPUTS} damaged inputs of every kind, on all processors: an answer or the typed exception, in seconds, in bounded
 * memory. {@code -Dseeds}, {@code -Dharness} and {@code -Dseed} as with {@link CrashProofTest}.
 */
@Timeout(1800)
final class FuzzProofTest {
    static final int INPUTS = 50_000;
    /** What one input may take from the heap. */
    private static final long MAX_HEAP_BYTES = 64L << 20;

    private static final List<SeedRun.Result> DONE = new ArrayList<>();

    static Stream<Harness> harnesses() {
        return Parts.chosen(Fuzzers.ALL);
    }

    @ParameterizedTest
    @MethodSource("harnesses")
    void everyInputEndsInAnAnswerOrInASentence(Harness harness) throws Exception {
        Parts.run(harness, INPUTS, getClass(), MAX_HEAP_BYTES, DONE);
    }

    @AfterAll
    static void countThem() {
        SeedRun.Result all = DONE.stream().reduce(SeedRun.Result.NONE, SeedRun.Result::plus);
        System.out.println(all.seeds() + " inputs in " + all.took().toSeconds() + " s, the longest took "
                + all.longest().toMillis() + " ms, at most " + (all.largestHeapBytes() >> 20) + " MiB of heap");
        if (Parts.everything()) {
            assertThat(all.seeds()).isGreaterThanOrEqualTo(Integer.getInteger("seeds", INPUTS));
        }
    }
}
