package org.tidemark.ploop.chain;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.tidemark.ploop.chain.AttachedImage.Use;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.device.DeviceView;
import org.tidemark.ploop.device.Instant;
import org.tidemark.ploop.device.KeptState;
import org.tidemark.ploop.device.cbt.ChangedBlockTracker;
import org.tidemark.ploop.device.cbt.Checkpoint;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.os.HostIdentity;
import org.tidemark.ploop.sim.CrashCount;
import org.tidemark.ploop.sim.DiskModel;
import org.tidemark.ploop.sim.OrderCheckedDirectory;
import org.tidemark.ploop.sim.SimulatedDisk;
import org.tidemark.ploop.testing.Seeds;

/**
 * Attach, write, back up, detach, be killed, lose power at any operation, attach again: the image stays legal, and increments
 * laid over each other are always exactly the disk at their instant.
 */
@Timeout(300)
public final class AttachedImageCrashTest {
    private static final int CLUSTER = 32 * 1024;
    private static final int DISK = 12 * CLUSTER;
    private static final int CHUNK = DeviceView.CHUNK_BYTES;
    private static final HostIdentity HOST = new HostIdentity("host-a", "boot-1");

    @TempDir
    Path scratch;

    static LongStream seeds() {
        return Seeds.of(40);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void incrementsLaidOverEachOtherAreTheDisk(long seed) throws Exception {
        Seeds.replayable(getClass(), seed, random -> new Run(random, scratch).go());
    }

    @Test
    void anotherHostIsRefusedUntilToldToRecover() throws IOException {
        SimulatedDisk disk = new SimulatedDisk();
        ChainFiles.create(disk, "root.hds", DISK, CLUSTER);
        AttachedImage ours = open(disk, Use.READ_WRITE, new KeptState(), HOST);
        assertThat(ours.writable()).isTrue();
        SimulatedDisk after = disk.crash(new Random(1));
        HostIdentity other = new HostIdentity("host-b", "boot-9");
        assertThatThrownBy(() -> open(after, Use.READ_WRITE, new KeptState(), other))
                .isInstanceOfSatisfying(
                        ImageException.class, e -> assertThat(e.kind()).isEqualTo(ImageException.Kind.NOT_CLOSED));
        open(after, Use.RECOVER, new KeptState(), other).close();
        open(after, Use.READ_WRITE, new KeptState(), HOST).close();
    }

    /** A short life for many seeds. */
    public static void shortly(Random random) throws IOException {
        try (Scratch scratch = new Scratch()) {
            Run run = new Run(random, scratch.folder());
            run.boots = 1 + random.nextInt(2);
            run.maxSteps = 12;
            run.maxOperations = 90;
            run.go();
        }
    }

    private static AttachedImage open(SimulatedDisk disk, Use use, KeptState area, HostIdentity host)
            throws IOException {
        ChainFiles files = ChainFiles.in(new OrderCheckedDirectory(disk));
        return AttachedImage.open(files, use, area, () -> {}, true, new OwnerRecord(host, 1), UUID::randomUUID);
    }

    /** One seed. */
    private static final class Run {
        private final Random random;
        private final Path scratch;
        private int boots = 5;
        private int maxSteps = 40;
        private int maxOperations = 250;
        private long powerOffAt = Long.MAX_VALUE;
        private final AlignedBuffer buffer = AlignedBuffer.allocate(DISK);
        private final DiskModel model = new DiskModel(DISK);
        private SimulatedDisk disk = new SimulatedDisk();
        private KeptState area = new KeptState();
        private @Nullable AttachedImage image;
        /** What the newest recovery point holds, and where its tracker stood. */
        private byte[] point = new byte[DISK];

        private @Nullable Checkpoint since;
        private int viewNumber;

        Run(Random random, Path scratch) {
            this.random = random;
            this.scratch = scratch;
        }

        void go() throws IOException {
            ChainFiles.create(disk, "root.hds", DISK, CLUSTER);
            for (int boot = 0; boot < boots; boot++) {
                if (random.nextInt(3) > 0) {
                    powerOffAt = disk.faults().operations() + 1 + random.nextInt(maxOperations);
                    disk.faults().powerOffAt(powerOffAt);
                }
                // A last step may bear the loss of power, as the commit of a tracker does; the machine is off all the
                // same.
                boolean alive = live() && disk.faults().operations() < powerOffAt;
                if (!alive || (boot == boots - 1 && boots < 5)) {
                    losePower();
                }
            }
            disk.faults().clear();
            AttachedImage last = open(disk, area.resumed() ? Use.TAKE_OVER : Use.READ_WRITE, area, HOST);
            image = last;
            backup(last, true);
            last.close();
            assertThat(ChainCheck.run(ChainFiles.in(disk)).damaged()).isFalse();
        }

        /** One life of the machine; false when it ended by a power loss. */
        private boolean live() throws IOException {
            try {
                AttachedImage opened = open(disk, area.resumed() ? Use.TAKE_OVER : Use.READ_WRITE, area, HOST);
                image = opened;
                int steps = 5 + random.nextInt(maxSteps);
                for (int i = 0; i < steps; i++) {
                    step(opened);
                    opened = current();
                }
                if (random.nextBoolean()) {
                    long mark = model.flushBegins();
                    opened.close();
                    model.flushEnded(mark);
                    image = null;
                    area = new KeptState();
                } else {
                    area = area.successor();
                }
                return true;
            } catch (IOException e) {
                if (disk.faults().operations() < powerOffAt) {
                    throw e;
                }
                return false;
            }
        }

        private AttachedImage current() {
            AttachedImage now = image;
            assertThat(now).isNotNull();
            return now;
        }

        private void step(AttachedImage opened) throws IOException {
            switch (random.nextInt(12)) {
                case 0 -> {
                    long mark = model.flushBegins();
                    opened.flush();
                    model.flushEnded(mark);
                }
                case 1 -> change(opened, true);
                case 2 -> backup(opened, random.nextInt(4) > 0);
                case 3 -> {
                    CrashCount.one();
                    // kill -9: the successor finds the files and the state area
                    area = area.successor();
                    image = open(disk, Use.TAKE_OVER, area, HOST);
                }
                default -> change(opened, false);
            }
        }

        private void change(AttachedImage opened, boolean discard) throws IOException {
            int offset = random.nextInt(DISK / 512) * 512;
            int length = Math.min((1 + random.nextInt(64)) * 512, DISK - offset);
            byte[] data = new byte[length];
            if (!discard) {
                random.nextBytes(data);
            }
            buffer.bytes().put(0, data);
            boolean done = false;
            try {
                if (discard) {
                    opened.discard(offset, length);
                } else {
                    opened.write(offset, buffer, 0, length);
                }
                model.wrote(offset, data);
                done = true;
            } finally {
                if (!done) {
                    model.mayHaveWritten(offset, data);
                }
            }
        }

        /** A backup as the engine does it; the point exists when {@code commits}, whether the tracker hears of it or not. */
        private void backup(AttachedImage opened, boolean commits) throws IOException {
            byte[] now = read(opened);
            Instant.Wanted wanted =
                    new Instant.Wanted(opened.device(), "view-" + viewNumber++, "target", since, scratch, 1 << 22);
            DeviceView view = Instant.take(List.of(wanted), 1_000_000_000L).get(0);
            try {
                view.secure();
                byte[] next = view.interval().isFull() ? new byte[DISK] : point.clone();
                for (int offset = 0; offset < DISK; offset += CHUNK) {
                    if (view.interval().mayHaveChanged(offset, CHUNK)) {
                        if (random.nextInt(3) == 0) {
                            change(opened, false);
                        }
                        view.read(offset, buffer, 0, CHUNK);
                        buffer.bytes().get(0, next, offset, CHUNK);
                    }
                }
                assertThat(Arrays.mismatch(next, now))
                        .as("first byte where the point differs from the disk at its instant")
                        .isEqualTo(-1);
                if (commits) {
                    point = next;
                    since = view.interval().end();
                }
            } finally {
                view.close();
            }
            settle(opened.device().tracker(), view, commits);
        }

        private void settle(@Nullable ChangedBlockTracker tracker, DeviceView view, boolean committed)
                throws IOException {
            assertThat(tracker).isNotNull();
            if (committed && random.nextInt(5) > 0) {
                tracker.commit("target", view.interval().end());
            } else if (!committed) {
                tracker.abandon("target", view.interval().end());
            }
        }

        private byte[] read(AttachedImage opened) throws IOException {
            byte[] bytes = new byte[DISK];
            opened.read(0, buffer, 0, DISK);
            buffer.bytes().get(0, bytes);
            return bytes;
        }

        private void losePower() throws IOException {
            disk = disk.crash(random);
            powerOffAt = Long.MAX_VALUE;
            area = new KeptState();
            AttachedImage opened = open(disk, Use.READ_WRITE, area, HOST);
            image = opened;
            model.checkAfterCrash((offset, dst) -> {
                opened.read(offset, buffer, 0, dst.length);
                buffer.bytes().get(0, dst);
            });
            area = area.successor();
        }
    }
}
