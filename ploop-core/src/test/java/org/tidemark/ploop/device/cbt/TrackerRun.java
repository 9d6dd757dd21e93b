package org.tidemark.ploop.device.cbt;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import java.util.function.UnaryOperator;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.device.KeptState;
import org.tidemark.ploop.device.cbt.ChangedBlockTracker.ImageCondition;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.sim.CrashCount;
import org.tidemark.ploop.sim.FaultPlan.Kind;
import org.tidemark.ploop.sim.Killed;
import org.tidemark.ploop.sim.MortalDirectory;
import org.tidemark.ploop.sim.SimulatedDisk;

/**
 * One random life of a tracker beside a model that knows what really changed: writes, consumers that begin, commit, give up
 * or forget to, kills, power cuts, foreign writers and failing file operations. Whatever an interval leaves out did not
 * change.
 */
public final class TrackerRun {
    static final String FILE = "image.cbt";
    private static final int GRANULE = BitmapGeneration.GRANULE_BYTES;
    private static final long DISK = 2 * BitmapGeneration.PAGE_COVERS_BYTES + 5 * GRANULE;
    private static final String[] CONSUMERS = {"a", "b", "c"};

    /** What is deliberately wrong. */
    enum Wrong {
        NOTHING,
        /** The tracker hears of a write when it is over. */
        MARK_AFTER_WRITE
    }

    /** What a consumer has: a recovery point, or a backup on its way to one. */
    private record Point(Checkpoint checkpoint, long time) {}

    /** An interval in use, and the granules that it has to show. */
    private record Open(String consumer, Interval interval, long time, List<Long> truth) {}

    /** Thousands of failures on purpose: nobody wants to read them. */
    private static final Logger QUIET = Logger.getLogger(ChangedBlockTracker.class.getName());

    private final Random random;
    private final Wrong wrong;
    private final UnaryOperator<ImageDirectory> breakage;
    private final long[] hot = new long[40];
    private final Map<Long, Long> lastChange = new HashMap<>();
    private final Map<String, Point> points = new HashMap<>();
    private final List<Open> open = new ArrayList<>();
    private SimulatedDisk disk = new SimulatedDisk();
    private MortalDirectory folder;
    private KeptState state = new KeptState();
    private @Nullable ChangedBlockTracker tracker;
    private long time;
    private long flushedUntil;
    private long identity;
    private boolean attached;
    private int armed;
    private int incremental;

    TrackerRun(Random random, Wrong wrong, UnaryOperator<ImageDirectory> breakage) throws IOException {
        QUIET.setLevel(Level.OFF);
        this.random = random;
        this.wrong = wrong;
        this.breakage = breakage;
        this.folder = new MortalDirectory(breakage.apply(disk));
        for (int i = 0; i < hot.length; i++) {
            hot[i] = (long) (random.nextDouble() * random.nextDouble() * (DISK / GRANULE));
        }
        open(ImageCondition.CLOSED);
    }

    /** A short life for many seeds. */
    public static void shortly(Random random) throws IOException {
        TrackerRun run = new TrackerRun(random, Wrong.NOTHING, UnaryOperator.identity());
        run.go(8 + random.nextInt(random.nextInt(10) == 0 ? 200 : 40));
        run.powerLoss();
        for (String consumer : CONSUMERS) {
            run.begin(consumer);
        }
    }

    /** Runs, and returns how many intervals were not full. */
    int go(int steps) throws IOException {
        for (int step = 0; step < steps; step++) {
            try {
                step();
                if (armed > 0 && --armed == 0) {
                    folder.spare();
                }
            } catch (Killed e) {
                if (random.nextBoolean()) {
                    kill();
                } else {
                    powerLoss();
                }
            }
        }
        return incremental;
    }

    private void step() throws IOException {
        switch (random.nextInt(40)) {
            case 0 -> reopen();
            case 1, 2 -> kill();
            case 3 -> powerLoss();
            case 4, 5 -> arm();
            case 6, 7 -> fault();
            case 8 -> flush();
            case 9, 10, 11 -> tracker().persist();
            case 12, 13, 14, 15 -> begin();
            case 16, 17, 18 -> commit();
            case 19 -> abandon();
            case 20 -> forget();
            case 21, 22 -> checkOpen();
            default -> write();
        }
    }

    private ChangedBlockTracker tracker() {
        ChangedBlockTracker now = tracker;
        if (now == null) {
            throw new IllegalStateException("no tracker");
        }
        return now;
    }

    private void open(ImageCondition condition) throws IOException {
        UUID id = new UUID(random.nextLong(), random.nextLong());
        tracker = ChangedBlockTracker.open(state, DISK, folder, FILE, condition, Long.toString(identity), () -> id);
        tracker.flushDataWith(this::flush);
        attached = true;
    }

    private void flush() {
        flushedUntil = time;
    }

    private void arm() {
        armed = 6;
        folder.killAfter(random.nextInt(12));
    }

    /** One of the next operations on the tracker's file fails. */
    private void fault() {
        Kind kind = Kind.values()[random.nextInt(Kind.values().length)];
        int errno = random.nextBoolean() ? Errno.ENOSPC : Errno.EIO;
        disk.faults().clear();
        if (kind != Kind.DELETE && kind != Kind.SYNC) {
            disk.faults().failNth(1 + random.nextInt(3), attempt -> attempt.kind() == kind, errno);
        }
    }

    private void write() throws IOException {
        long granule = hot[random.nextInt(hot.length)];
        int count = 1 + random.nextInt(random.nextInt(8) == 0 ? 2000 : 3);
        long length = Math.min((long) count * GRANULE, DISK - granule * GRANULE);
        if (wrong != Wrong.MARK_AFTER_WRITE) {
            tracker().mark(granule * GRANULE, length);
        }
        time++;
        for (long at = granule; at < granule + length / GRANULE; at++) {
            lastChange.put(at, time);
        }
        if (wrong == Wrong.MARK_AFTER_WRITE) {
            if (random.nextInt(20) == 0) {
                throw new Killed();
            }
            tracker().mark(granule * GRANULE, length);
        }
        tracker().written(granule * GRANULE, length);
    }

    private void begin() throws IOException {
        begin(CONSUMERS[random.nextInt(CONSUMERS.length)]);
    }

    private void begin(String consumer) throws IOException {
        Point since = points.get(consumer);
        Interval interval = tracker().begin(consumer, since == null ? null : since.checkpoint());
        List<Long> truth = new ArrayList<>();
        long from = since == null ? -1 : since.time();
        lastChange.forEach((granule, when) -> {
            if (when > from) {
                truth.add(granule);
            }
        });
        Open opened = new Open(consumer, interval, time, truth);
        check(opened);
        incremental += interval.isFull() ? 0 : 1;
        open.add(opened);
        time++;
        if (random.nextInt(4) > 0) {
            tracker().persist();
        }
    }

    private void check(Open opened) {
        Interval interval = opened.interval();
        for (long granule : opened.truth()) {
            if (!interval.mayHaveChanged(granule * GRANULE, GRANULE)) {
                throw new AssertionError("granule " + granule + " changed, interval from " + interval.start() + " to "
                        + interval.end() + " of " + opened.consumer() + " leaves it out");
            }
        }
        if (!opened.truth().isEmpty()) {
            long some = opened.truth().get(random.nextInt(opened.truth().size()));
            boolean[] seen = {false};
            interval.visit(
                    0,
                    DISK,
                    (offset, length) -> seen[0] |= offset <= some * GRANULE && some * GRANULE < offset + length);
            assertThat(seen[0]).as("visit() leaves granule %d out", some).isTrue();
        }
    }

    private void checkOpen() {
        open.forEach(this::check);
    }

    private @Nullable Open take() {
        return open.isEmpty() ? null : open.remove(random.nextInt(open.size()));
    }

    /** The recovery point is committed; telling the tracker may fail or be forgotten. */
    private void commit() throws IOException {
        Open done = take();
        if (done == null) {
            return;
        }
        check(done);
        Point before = points.get(done.consumer());
        if (before != null && before.time() > done.time()) {
            return;
        }
        points.put(done.consumer(), new Point(done.interval().end(), done.time()));
        if (random.nextInt(5) > 0) {
            tracker().commit(done.consumer(), done.interval().end());
        }
    }

    private void abandon() throws IOException {
        Open done = take();
        if (done != null) {
            check(done);
            tracker().abandon(done.consumer(), done.interval().end());
        }
    }

    private void forget() throws IOException {
        if (random.nextInt(4) == 0) {
            String consumer = CONSUMERS[random.nextInt(CONSUMERS.length)];
            tracker().forget(consumer);
            open.removeIf(one -> one.consumer().equals(consumer));
        }
    }

    private void kill() throws IOException {
        CrashCount.one();
        endProcess();
        if (attached) {
            state = state.successor();
        } else {
            state = new KeptState();
        }
        open(ImageCondition.CRASHED_IN_OUR_HANDS);
    }

    private void endProcess() {
        armed = 0;
        disk.faults().clear();
        open.clear();
        folder = new MortalDirectory(breakage.apply(disk));
    }

    /** What was not flushed may be there or not: it has changed once more. */
    private void powerLoss() throws IOException {
        time++;
        lastChange.replaceAll((granule, when) -> when > flushedUntil ? time : when);
        flushedUntil = time;
        disk.faults().clear();
        disk = disk.crash(random);
        endProcess();
        state = new KeptState();
        attached = false;
        if (random.nextInt(3) == 0) {
            folder.killAfter(random.nextInt(8));
        }
        try {
            open(ImageCondition.CRASHED_IN_OUR_HANDS);
        } catch (Killed e) {
            powerLoss();
            return;
        }
        if (armed == 0) {
            folder.spare();
        }
    }

    /** Closed properly; perhaps somebody else writes before the image is opened again. */
    private void reopen() throws IOException {
        flush();
        identity++;
        boolean proper = false;
        try {
            tracker().close(Long.toString(identity));
            proper = true;
        } catch (IOException e) {
            // The image is closed all the same; its owner record stays, so the next opening is in doubt.
        }
        endProcess();
        state = new KeptState();
        attached = false;
        if (random.nextInt(3) == 0) {
            identity++;
            time++;
            lastChange.put(hot[random.nextInt(hot.length)], time);
            // Marking the image in use, which comes before its tracker is opened, makes that durable.
            flush();
        }
        open(proper ? ImageCondition.CLOSED : ImageCondition.UNKNOWN);
    }
}
