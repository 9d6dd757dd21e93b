package org.tidemark.ploop.chain;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.function.UnaryOperator;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.check.Finding;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.format.expanded.ExpandedLayout;
import org.tidemark.ploop.format.expanded.ExpandedVersion;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.BrokenOff;
import org.tidemark.ploop.sim.ForwardingDirectory;
import org.tidemark.ploop.sim.SimulatedDisk;

/**
 * A program changes a disk by way of an overlay, and is broken off somewhere: the disk is what it was, or what the program made
 * of it, or nobody gets to see it before that is finished; and the program can begin again.
 */
public final class TrialOverlayRun {
    private static final String IMAGE = "root.hdd";
    private static final int CLUSTER = 32 << 10;
    private static final int DISK = 20 * CLUSTER;

    private final Random random;
    private final boolean raw;
    private final byte[] before = new byte[DISK];
    private final byte[] after;
    private final AlignedBuffer buffer = AlignedBuffer.allocate(DISK);
    private final List<int[]> writes = new ArrayList<>();

    private TrialOverlayRun(Random random) {
        this.random = random;
        this.raw = random.nextInt(997) % 4 == 0;
        for (int cluster = 0; cluster < 20; cluster += 1 + random.nextInt(3)) {
            byte[] content = new byte[CLUSTER];
            random.nextBytes(content);
            System.arraycopy(content, 0, before, cluster * CLUSTER, CLUSTER);
        }
        this.after = before.clone();
        for (int i = 0; i < 6; i++) {
            int at = random.nextInt(DISK / 512) * 512;
            int length = Math.min((1 + random.nextInt(120)) * 512, DISK - at);
            byte[] content = new byte[length];
            if (random.nextInt(3) > 0) {
                random.nextBytes(content);
            }
            System.arraycopy(content, 0, after, at, length);
            writes.add(new int[] {at, length});
        }
    }

    private ChainFiles files(ImageDirectory folder) throws IOException {
        return raw ? ChainFiles.loneFile(folder, IMAGE, "raw") : ChainFiles.in(folder);
    }

    private static AttachedImage open(ChainFiles files, boolean writable) throws IOException {
        return AttachedImage.open(
                files,
                writable ? AttachedImage.Use.READ_WRITE : AttachedImage.Use.READ_ONLY,
                StateArea.inMemory(),
                ChainLocks.take(files, writable),
                false,
                OwnerRecord.ofCommand(),
                UUID::randomUUID);
    }

    private SimulatedDisk image() throws IOException {
        SimulatedDisk disk = new SimulatedDisk();
        if (raw) {
            try (ImageIo io = disk.create(IMAGE)) {
                io.truncate(DISK);
                io.flush();
            }
            disk.sync();
        } else {
            ExpandedVersion version = ExpandedVersion.values()[random.nextInt(2)];
            ChainFiles.create(disk, IMAGE, DISK, CLUSTER, new ExpandedLayout(version, false));
        }
        try (AttachedImage image = open(files(disk), true)) {
            buffer.bytes().put(0, before);
            image.write(0, buffer, 0, DISK);
        }
        return disk;
    }

    /** As the command does it. */
    private void change(ImageDirectory folder) throws IOException {
        try (TrialOverlay trial = TrialOverlay.begin(files(folder))) {
            changeIn(trial);
            trial.accept();
        }
    }

    private void changeIn(TrialOverlay trial) throws IOException {
        try (AttachedImage overlay = open(trial.overlaid(), true)) {
            AlignedBuffer content = AlignedBuffer.allocate(DISK);
            content.bytes().put(0, after);
            for (int[] write : writes) {
                overlay.write(write[0], content, write[0], write[1]);
            }
        }
    }

    private byte[] content(SimulatedDisk disk) throws IOException {
        byte[] found = new byte[DISK];
        try (AttachedImage image = open(files(disk), false)) {
            image.read(0, buffer, 0, DISK);
            buffer.bytes().get(0, found);
        }
        return found;
    }

    private boolean isHalfDone(SimulatedDisk disk) throws IOException {
        try {
            TrialOverlay.requireNone(files(disk));
            return false;
        } catch (ImageException e) {
            assertThat(e).hasMessageContaining("--shrink again");
            return true;
        }
    }

    private void goOn(SimulatedDisk disk, boolean done) throws IOException {
        boolean halfDone = isHalfDone(disk);
        if (halfDone) {
            TrialOverlay.finish(files(disk), ChainLocks.take(files(disk), true));
        }
        byte[] found = content(disk);
        if (done || halfDone || !Arrays.equals(found, before)) {
            requireSame(found, after);
        }
        change(disk);
        SimulatedDisk later = disk.crash(random);
        assertThat(isHalfDone(later)).isFalse();
        requireSame(content(later), after);
        assertThat(later.list()).noneMatch(name -> name.startsWith("."));
        for (Finding finding :
                raw ? List.<Finding>of() : ChainCheck.run(files(later)).findings()) {
            assertThat(finding).isInstanceOf(Finding.LeakedClusters.class);
        }
    }

    private static void requireSame(byte[] found, byte[] expected) {
        assertThat(Arrays.mismatch(found, expected))
                .as("first byte that is another one")
                .isEqualTo(-1);
    }

    /** Killed while the image is written; then the image is deleted and another one gets its name. */
    static void replacedImage(Random random) throws IOException {
        TrialOverlayRun one = new TrialOverlayRun(random);
        SimulatedDisk disk = one.image();
        one.beginOnly(disk, trial -> {});
        String trial = "." + IMAGE + ".tidemark-trial";
        disk.rename(trial, "." + IMAGE + ".tidemark-accepted");
        assertThat(one.isHalfDone(disk)).isTrue();
        disk.rename(IMAGE, "aside");
        try (ImageIo io = disk.create(IMAGE);
                ImageIo old = disk.open("aside", OpenMode.READ_ONLY)) {
            AlignedBuffer all = AlignedBuffer.allocate((int) old.size());
            old.read(0, all, 0, (int) old.size());
            io.write(0, all, 0, (int) old.size());
        }
        assertThatThrownBy(() -> TrialOverlay.requireNone(one.files(disk)))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("delete ")
                .hasMessageContaining(".tidemark-accepted");
        disk.delete(IMAGE);
        disk.rename("aside", IMAGE);
        TrialOverlay.finish(one.files(disk), ChainLocks.take(one.files(disk), true));
        requireSame(one.content(disk), one.after);
    }

    static void withoutRoom(Random random) throws IOException {
        TrialOverlayRun one = new TrialOverlayRun(random);
        SimulatedDisk disk = one.image();
        Arrays.fill(one.before, (byte) 0);
        try (AttachedImage image = open(one.files(disk), true)) {
            image.writeZeroes(0, DISK);
        }
        ImageDirectory full = new ForwardingDirectory(disk, io -> io) {
            @Override
            public long freeBytes() {
                return 1 << 20;
            }
        };
        assertThatThrownBy(() -> one.change(full))
                .hasMessageContaining("needs 2 MiB free")
                .hasMessageContaining("what it was");
        assertThat(one.isHalfDone(disk)).isFalse();
        requireSame(one.content(disk), one.before);
    }

    static void writtenToMeanwhile(Random random) throws IOException {
        TrialOverlayRun one = new TrialOverlayRun(random);
        SimulatedDisk disk = one.image();
        assertThatThrownBy(() -> one.beginOnly(disk, trial -> {
                    try (ImageIo io = disk.open(IMAGE, OpenMode.READ_WRITE)) {
                        io.truncate(io.size() + CLUSTER);
                    }
                    trial.accept();
                }))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("somebody else wrote");
        assertThat(one.isHalfDone(disk)).isFalse();
        requireSame(one.content(disk), one.before);
    }

    @FunctionalInterface
    private interface Then {
        void go(TrialOverlay trial) throws IOException;
    }

    /** What was changed is in the overlay, and stays there when it is not accepted. */
    private void beginOnly(SimulatedDisk disk, Then then) throws IOException {
        TrialOverlay trial = TrialOverlay.begin(files(disk));
        try {
            changeIn(trial);
            then.go(trial);
        } finally {
            disk.killAll();
        }
    }

    /** One change, with a crash somewhere. */
    public static void shortly(Random random) throws IOException {
        live(random, BrokenOff.BY_POWER_CUT, UnaryOperator.identity());
    }

    /** One change, broken off somewhere. */
    public static void live(Random random, BrokenOff brokenOff, UnaryOperator<ImageDirectory> program)
            throws IOException {
        TrialOverlayRun one = new TrialOverlayRun(random);
        SimulatedDisk disk = one.image().crash(random);
        boolean done = brokenOff.run(disk, random, program, one::change);
        one.goOn(brokenOff.next(disk, random), done);
    }
}
