package org.tidemark.ploop.proof;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * Hours of crashes and of damaged input; {@code scripts/soak} starts it. Not part of a build.
 *
 * <pre>
 *   -Dsoak.seeds=N       crash seeds, one million unless told
 *   -Dsoak.inputs=N      damaged inputs, one million unless told
 *   -Dsoak.first=N       the first seed, 1 unless told
 *   -Dsoak.only=NAME     this harness alone, with all the seeds
 *   -Dsoak.threads=N     as many as the machine has processors unless told
 * </pre>
 *
 * It goes round all kinds of lives again and again, and after each round writes what came of it to {@code target/soak.md}.
 */
final class Soak {
    private static final int ROUNDS = 50;
    private static final long MAX_INPUT_HEAP_BYTES = 64L << 20;

    private final int threads =
            Integer.getInteger("soak.threads", Runtime.getRuntime().availableProcessors());
    private final Map<Harness, SeedRun.Result> crashes = new LinkedHashMap<>();
    private final Map<Harness, SeedRun.Result> inputs = new LinkedHashMap<>();
    private long begun;

    @Test
    void everything() throws IOException {
        String only = System.getProperty("soak.only", "");
        long first = Long.getLong("soak.first", 1);
        Map<Harness, Long> crashSeeds = parts(CrashHarnesses.ALL, Long.getLong("soak.seeds", 1_000_000), only);
        Map<Harness, Long> inputSeeds = parts(Fuzzers.ALL, Long.getLong("soak.inputs", 1_000_000), only);
        begun = System.nanoTime();
        for (int round = 0; round < ROUNDS; round++) {
            run(crashSeeds, crashes, round, first, CrashProofTest.class, 0);
            run(inputSeeds, inputs, round, first, FuzzProofTest.class, MAX_INPUT_HEAP_BYTES);
            String report = report();
            Files.writeString(Path.of("target", "soak.md"), report);
            System.out.println("round " + (round + 1) + " of " + ROUNDS + " after "
                    + Duration.ofNanos(System.nanoTime() - begun).toMinutes() + " min: "
                    + sum(crashes).seeds() + " crash seeds, " + sum(inputs).seeds() + " inputs, "
                    + (sum(crashes).failed() + sum(inputs).failed()) + " failures");
        }
        System.out.println(report());
        assertThat(sum(crashes).failures()).isEmpty();
        assertThat(sum(inputs).failures()).isEmpty();
    }

    private static Map<Harness, Long> parts(List<Harness> all, long seeds, String only) {
        Map<Harness, Long> parts = new LinkedHashMap<>();
        for (Harness one : all) {
            if (only.isEmpty() || only.equals(one.name())) {
                parts.put(one, only.isEmpty() ? seeds * one.perMille() / 1000 : seeds);
            }
        }
        return parts;
    }

    private void run(
            Map<Harness, Long> parts,
            Map<Harness, SeedRun.Result> results,
            int round,
            long first,
            Class<?> test,
            long maxHeapBytes) {
        parts.forEach((harness, seeds) -> {
            long from = first + seeds * round / ROUNDS;
            long until = first + seeds * (round + 1) / ROUNDS;
            SeedRun.Result result = new SeedRun(harness, test, maxHeapBytes).run(from, until, threads);
            results.merge(harness, result, SeedRun.Result::plus);
            // Native memory of closed images goes when their objects go, and nothing else asks for it.
            System.gc();
        });
    }

    private static SeedRun.Result sum(Map<Harness, SeedRun.Result> results) {
        return results.values().stream().reduce(SeedRun.Result.NONE, SeedRun.Result::plus);
    }

    private String report() {
        StringBuilder text = new StringBuilder();
        text.append("Java ")
                .append(System.getProperty("java.vm.version"))
                .append(", ")
                .append(threads)
                .append(" threads, ")
                .append(Runtime.getRuntime().availableProcessors())
                .append(" processors, heap ")
                .append(Runtime.getRuntime().maxMemory() >> 20)
                .append(" MiB, ")
                .append(Duration.ofNanos(System.nanoTime() - begun).toSeconds())
                .append(" s in all\n\n");
        text.append("| lives | what | seeds | crashes injected | seconds | longest life (ms) | failures |\n");
        text.append("|---|---|---:|---:|---:|---:|---:|\n");
        rows(text, crashes, true);
        text.append("\n| inputs | what | inputs | seconds | longest (ms) | most heap for one (MiB) | failures |\n");
        text.append("|---|---|---:|---:|---:|---:|---:|\n");
        rows(text, inputs, false);
        for (Map<Harness, SeedRun.Result> some : List.of(crashes, inputs)) {
            for (SeedRun.Result result : some.values()) {
                result.failures().forEach(line -> text.append("\n    ").append(line));
            }
        }
        return text.append('\n').toString();
    }

    private static void rows(StringBuilder text, Map<Harness, SeedRun.Result> results, boolean lives) {
        results.forEach((harness, result) -> row(text, harness.name(), harness.covers(), result, lives));
        row(text, "**sum**", "", sum(results), lives);
    }

    private static void row(StringBuilder text, String name, String what, SeedRun.Result result, boolean lives) {
        String crashes = lives ? String.format(Locale.ROOT, " %,d |", result.crashes()) : "";
        String heap = lives ? "" : " " + (result.largestHeapBytes() >> 20) + " |";
        text.append(String.format(
                Locale.ROOT,
                "| %s | %s | %,d |%s %d | %d |%s %d |%n",
                name,
                what,
                result.seeds(),
                crashes,
                result.took().toSeconds(),
                result.longest().toMillis(),
                heap,
                result.failed()));
    }
}
