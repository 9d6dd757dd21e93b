package org.tidemark.ploop.proof;

import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.tidemark.ploop.sim.CrashCount;

/**
 * Runs a range of seeds of one harness on several threads, each seed alone with its world. A seed that fails is noted with
 * the line that replays it, and the others go on; so is one that takes too long or too much memory.
 */
public final class SeedRun {
    /** One life may take so long; a life that hangs ends the run. */
    private static final Duration LIMIT = Duration.ofSeconds(60);

    private static final int KEPT_FAILURES = 20;

    /** Thousands of failures on purpose: nobody wants to read them. */
    private static final Logger LOG = Logger.getLogger("org.tidemark");

    private final Harness harness;
    private final String test;
    private final long maxHeapBytes;
    private final List<String> failures = new ArrayList<>();
    private long failed;
    private long longestNanos;
    private long largestHeapBytes;

    /** What came of a range of seeds. */
    public record Result(
            long seeds,
            long crashes,
            Duration took,
            Duration longest,
            long largestHeapBytes,
            long failed,
            List<String> failures) {
        static final Result NONE = new Result(0, 0, Duration.ZERO, Duration.ZERO, 0, 0, List.of());

        Result plus(Result more) {
            List<String> both = new ArrayList<>(failures);
            both.addAll(more.failures);
            return new Result(
                    seeds + more.seeds,
                    crashes + more.crashes,
                    took.plus(more.took),
                    longest.compareTo(more.longest) > 0 ? longest : more.longest,
                    Math.max(largestHeapBytes, more.largestHeapBytes),
                    failed + more.failed,
                    both.subList(0, Math.min(both.size(), KEPT_FAILURES)));
        }
    }

    /**
     * @param test the class that replays a seed
     * @param maxHeapBytes what one life may take from the heap, or 0 for any amount
     */
    SeedRun(Harness harness, Class<?> test, long maxHeapBytes) {
        this.harness = harness;
        this.test = test.getSimpleName();
        this.maxHeapBytes = maxHeapBytes;
    }

    /** Runs seeds {@code [from, until)} on {@code threads} threads. */
    Result run(long from, long until, int threads) {
        Level before = LOG.getLevel();
        LOG.setLevel(Level.OFF);
        try {
            return runQuietly(from, until, threads);
        } finally {
            LOG.setLevel(before);
        }
    }

    private Result runQuietly(long from, long until, int threads) {
        long begun = System.nanoTime();
        long crashesBefore = CrashCount.sum();
        AtomicLong next = new AtomicLong(from);
        List<Worker> workers = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            Worker worker = new Worker(next, until);
            worker.setDaemon(true);
            workers.add(worker);
            worker.start();
        }
        boolean hangs = false;
        for (Worker worker : workers) {
            while (worker.isAlive() && !hangs) {
                join(worker);
                for (Worker one : workers) {
                    hangs |= one.hangs();
                }
            }
        }
        synchronized (this) {
            return new Result(
                    Math.min(next.get(), until) - from,
                    CrashCount.sum() - crashesBefore,
                    Duration.ofNanos(System.nanoTime() - begun),
                    Duration.ofNanos(longestNanos),
                    largestHeapBytes,
                    failed,
                    List.copyOf(failures));
        }
    }

    private static void join(Worker worker) {
        try {
            worker.join(500);
        } catch (InterruptedException e) {
            throw new IllegalStateException("interrupted", e);
        }
    }

    private synchronized void failed(long seed, String what) {
        failed++;
        if (failures.size() < KEPT_FAILURES) {
            String line = "-Dtest=" + test + " -Dharness=" + harness.name() + " -Dseed=" + seed + "   "
                    + what.strip().lines().limit(6).reduce("", (all, one) -> all + " " + one.strip());
            failures.add(line);
            System.out.println("FAILED " + line);
        }
    }

    private synchronized void done(long nanos, long heapBytes) {
        longestNanos = Math.max(longestNanos, nanos);
        largestHeapBytes = Math.max(largestHeapBytes, heapBytes);
    }

    private final class Worker extends Thread {
        private final com.sun.management.ThreadMXBean memory =
                (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        private final AtomicLong next;
        private final long until;
        private volatile long seed;
        private volatile long begun = Long.MAX_VALUE;

        Worker(AtomicLong next, long until) {
            super(harness.name());
            this.next = next;
            this.until = until;
        }

        boolean hangs() {
            long since = begun;
            if (since == Long.MAX_VALUE || System.nanoTime() - since < LIMIT.toNanos()) {
                return false;
            }
            failed(seed, "hangs at " + Arrays.toString(getStackTrace()));
            return true;
        }

        @Override
        public void run() {
            for (seed = next.getAndIncrement(); seed < until; seed = next.getAndIncrement()) {
                begun = System.nanoTime();
                long heap = memory.getCurrentThreadAllocatedBytes();
                try {
                    harness.life().live(new Random(seed));
                } catch (Throwable e) {
                    failed(seed, where(e));
                }
                heap = memory.getCurrentThreadAllocatedBytes() - heap;
                if (maxHeapBytes > 0 && heap > maxHeapBytes) {
                    failed(seed, "took " + heap + " bytes of heap");
                }
                done(System.nanoTime() - begun, heap);
                begun = Long.MAX_VALUE;
            }
        }
    }

    /** The failure, and the first own line of its way. */
    private static String where(Throwable e) {
        for (StackTraceElement one : e.getStackTrace()) {
            if (one.getClassName().startsWith("org.tidemark")) {
                return e + " at " + one;
            }
        }
        return e.toString();
    }
}
