package org.tidemark.ploop.proof;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * {@value #SEEDS} random lives of every kind, on all processors. {@code -Dseeds=N} for more in all,
 * {@code -Dharness=NAME} for one kind, {@code -Dharness=NAME -Dseed=N} for one life.
 */
@Timeout(1800)
final class CrashProofTest {
    static final int SEEDS = 20_000;

    private static final List<SeedRun.Result> DONE = new ArrayList<>();
    private static long begunCpuNanos;

    @BeforeAll
    static void begin() {
        begunCpuNanos = cpuNanos();
    }

    private static long cpuNanos() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
    }

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
                + all.took().toSeconds() + " s, "
                + Duration.ofNanos(cpuNanos() - begunCpuNanos).toSeconds() + " s of processors");
        if (Parts.everything()) {
            int wanted = Integer.getInteger("seeds", SEEDS);
            assertThat(all.seeds()).isGreaterThanOrEqualTo(wanted);
            assertThat(all.crashes()).isGreaterThan(all.seeds());
        }
    }
}
