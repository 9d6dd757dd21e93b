package org.tidemark.ploop.chain;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.chain.AttachedImage.Use;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.check.Finding;
import org.tidemark.ploop.device.DeviceView;
import org.tidemark.ploop.device.Instant;
import org.tidemark.ploop.device.KeptState;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.device.cbt.ChangedBlockTracker;
import org.tidemark.ploop.device.cbt.Checkpoint;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.expanded.ExpandedLayout;
import org.tidemark.ploop.format.expanded.ExpandedVersion;
import org.tidemark.ploop.format.raw.RawFormat;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.os.HostIdentity;
import org.tidemark.ploop.sim.DiskModel;
import org.tidemark.ploop.sim.Killed;
import org.tidemark.ploop.sim.MortalDirectory;
import org.tidemark.ploop.sim.OrderCheckedDirectory;
import org.tidemark.ploop.sim.SimulatedDisk;

/**
 * One random life of an attached image whose disk becomes larger again and again, with kills and power cuts anywhere. The
 * first {@link #SHOWN} bytes of the largest disk are followed by a model; what lies behind the present end reads as zeros
 * there. Increments laid over each other are the disk, across growth and kills.
 */
final class AttachedGrowthRun {
    private static final int CLUSTER = 32 * 1024;
    private static final int CHUNK = DeviceView.CHUNK_BYTES;
    /** The last two need a second and a third cluster for the table, so that the first data clusters move. */
    private static final long[] SIZES = {9L * CLUSTER, 15L * CLUSTER, 20L * CLUSTER, 8_300L * CLUSTER, 17_000L * CLUSTER
    };

    private static final int SHOWN = 20 * CLUSTER;
    private static final HostIdentity HOST = new HostIdentity("host-a", "boot-1");

    private final Random random;
    private final Path scratch;
    private final UnaryOperator<ImageDirectory> program;
    private final UnaryOperator<StateArea> memory;
    private final AlignedBuffer buffer = AlignedBuffer.allocate(SHOWN);
    private final DiskModel model = new DiskModel(SHOWN);
    private SimulatedDisk disk = new SimulatedDisk();
    private KeptState area = new KeptState();
    private MortalDirectory process = new MortalDirectory(disk);
    private @Nullable AttachedImage image;
    private int armed;
    /** The disk has this size, or {@link #wanted} when a growth was broken off. */
    private int size;

    private int wanted;
    private int growths;
    private int killedGrowths;
    private boolean raw;
    private int rawGrowths;
    private int incrementsAfterGrowth;
    private boolean grownSincePoint;

    private byte[] point = new byte[SHOWN];
    private @Nullable Checkpoint since;
    private int viewNumber;

    AttachedGrowthRun(
            Random random, Path scratch, UnaryOperator<ImageDirectory> program, UnaryOperator<StateArea> memory) {
        this.random = random;
        this.scratch = scratch;
        this.program = program;
        this.memory = memory;
    }

    int growths() {
        return growths;
    }

    /** Of a single raw file. */
    int rawGrowths() {
        return rawGrowths;
    }

    int killedGrowths() {
        return killedGrowths;
    }

    int incrementsAfterGrowth() {
        return incrementsAfterGrowth;
    }

    void go(int steps) throws IOException {
        // The highest bits, which a small range goes by, are much the same for all small seeds.
        raw = random.nextInt(1_001) % 4 == 0;
        if (raw) {
            try (ImageIo io = disk.create("root.hdd")) {
                new RawFormat().create(io, new DeltaGeometry(SIZES[0], CLUSTER));
                io.flush();
            }
            disk.sync();
        } else {
            ExpandedVersion version = random.nextBoolean() ? ExpandedVersion.V2 : ExpandedVersion.V1;
            ChainFiles.create(disk, "root.hdd", SIZES[0], CLUSTER, new ExpandedLayout(version, false));
        }
        attach(Use.READ_WRITE);
        for (int i = 0; i < steps; i++) {
            try {
                step();
                if (armed > 0 && --armed == 0) {
                    process.spare();
                }
            } catch (Killed e) {
                die();
            }
        }
        process.spare();
        backup(true);
        model.checkVisible(this::read);
        current().close();
        for (Finding finding : ChainCheck.run(filesIn(disk)).findings()) {
            assertThat(finding).isInstanceOf(Finding.LeakedClusters.class);
        }
        assertThat(home(disk).exists(ChainIntent.FILE_NAME)).isFalse();
    }

    private boolean isLone() {
        return raw && !disk.hasFolder("root.hdd");
    }

    /** A raw file becomes a folder at its first snapshot. */
    private ImageDirectory home(ImageDirectory root) throws IOException {
        return raw && !isLone() ? root.folder("root.hdd") : root;
    }

    private ChainFiles filesIn(ImageDirectory root) throws IOException {
        return isLone() ? ChainFiles.loneFile(root, "root.hdd", RawFormat.ID) : ChainFiles.in(home(root));
    }

    private AttachedImage current() {
        AttachedImage now = image;
        assertThat(now).isNotNull();
        return now;
    }

    private void attach(Use use) throws IOException {
        armed = 0;
        process = new MortalDirectory(new OrderCheckedDirectory(program.apply(disk)));
        image = AttachedImage.open(
                filesIn(process), use, memory.apply(area), () -> {}, true, new OwnerRecord(HOST, 1), this::newId);
        assertThat(current().sizeBytes()).isIn(SIZES[size], SIZES[wanted]);
        grownSincePoint |= current().sizeBytes() != SIZES[size];
        size = current().sizeBytes() == SIZES[wanted] ? wanted : size;
        wanted = size;
    }

    private UUID newId() {
        return new UUID(random.nextLong(), random.nextLong());
    }

    private void step() throws IOException {
        switch (random.nextInt(20)) {
            case 0, 1, 2 -> grow();
            case 3, 4, 5 -> arm();
            case 6, 7, 8 -> backup(random.nextInt(4) > 0);
            case 9 -> die();
            case 10, 11 -> flush();
            case 12, 13 -> change(true);
            case 14 -> snapshot();
            case 15 -> model.checkVisible(this::read);
            default -> change(false);
        }
    }

    private void arm() {
        if (armed == 0) {
            armed = 5;
            process.killAfter(random.nextInt(45));
        }
    }

    private void grow() throws IOException {
        if (size == SIZES.length - 1) {
            return;
        }
        wanted = size + 1 + random.nextInt(SIZES.length - 1 - size);
        long mark = model.flushBegins();
        boolean done = false;
        try (AttachedImage.Change change = current().beginChange(this::newId, ChainProgress.NONE)) {
            long asked = SIZES[wanted] - (isLone() ? 0 : random.nextInt(CLUSTER));
            assertThat(change.grow(asked)).isEqualTo(SIZES[wanted]);
            done = true;
        } finally {
            killedGrowths += done ? 0 : 1;
        }
        model.flushEnded(mark);
        size = wanted;
        growths++;
        rawGrowths += isLone() ? 1 : 0;
        grownSincePoint = true;
        assertThat(current().sizeBytes()).isEqualTo(SIZES[size]);
    }

    private void snapshot() throws IOException {
        if (!isLone() && DiskDescriptor.read(home(disk)).images().size() >= 3) {
            return;
        }
        long mark = model.flushBegins();
        try (AttachedImage.Change change = current().beginChange(this::newId, ChainProgress.NONE)) {
            change.operations().create(current().files());
        }
        model.flushEnded(mark);
    }

    /** The process is killed, or the power goes. */
    private void die() throws IOException {
        if (random.nextBoolean()) {
            UUID before = tracker().trackerId();
            area = area.successor();
            attach(Use.TAKE_OVER);
            assertThat(tracker().trackerId()).as("the tracker after a kill").isEqualTo(before);
            model.checkVisible(this::read);
        } else {
            disk = disk.crash(random);
            area = new KeptState();
            attach(Use.READ_WRITE);
            model.checkAfterCrash(this::read);
        }
    }

    private ChangedBlockTracker tracker() {
        ChangedBlockTracker tracker = current().device().tracker();
        assertThat(tracker).isNotNull();
        return tracker;
    }

    private void flush() throws IOException {
        long mark = model.flushBegins();
        current().flush();
        model.flushEnded(mark);
    }

    private void change(boolean discard) throws IOException {
        int end = (int) Math.min(SHOWN, SIZES[size]);
        int offset = random.nextInt(end / 512) * 512;
        int length = Math.min((1 + random.nextInt(90)) * 512, end - offset);
        byte[] data = new byte[length];
        if (!discard) {
            random.nextBytes(data);
        }
        buffer.bytes().put(0, data);
        boolean done = false;
        try {
            if (discard) {
                current().discard(offset, length);
            } else {
                current().write(offset, buffer, 0, length);
            }
            model.wrote(offset, data);
            done = true;
        } finally {
            if (!done) {
                model.mayHaveWritten(offset, data);
            }
        }
    }

    private void read(long offset, byte[] dst) throws IOException {
        Arrays.fill(dst, (byte) 0);
        int length = (int) Math.max(0, Math.min(dst.length, current().sizeBytes() - offset));
        if (length > 0) {
            current().read(offset, buffer, 0, length);
            buffer.bytes().get(0, dst, 0, length);
        }
    }

    private byte[] content() throws IOException {
        byte[] bytes = new byte[SHOWN];
        read(0, bytes);
        return bytes;
    }

    /** A backup as the engine does it, of what is shown; the point exists when {@code commits}. */
    private void backup(boolean commits) throws IOException {
        byte[] now = content();
        Instant.Wanted wantedView =
                new Instant.Wanted(current().device(), "view-" + viewNumber++, "target", since, scratch, 1 << 22);
        DeviceView view = Instant.take(List.of(wantedView), 1_000_000_000L).get(0);
        try {
            view.secure();
            assertThat(view.sizeBytes()).isEqualTo(SIZES[size]);
            boolean growsUnderView = random.nextInt(3) == 0;
            if (growsUnderView) {
                grow();
                change(false);
            }
            incrementsAfterGrowth += grownSincePoint && !view.interval().isFull() ? 1 : 0;
            byte[] next = view.interval().isFull() ? new byte[SHOWN] : point.clone();
            for (int offset = 0; offset < Math.min(SHOWN, view.sizeBytes()); offset += CHUNK) {
                int length = (int) Math.min(CHUNK, Math.min(SHOWN, view.sizeBytes()) - offset);
                if (view.interval().mayHaveChanged(offset, length)) {
                    view.read(offset, buffer, 0, length);
                    buffer.bytes().get(0, next, offset, length);
                }
            }
            assertThat(Arrays.mismatch(next, now))
                    .as("first byte where the point differs from the disk at its instant")
                    .isEqualTo(-1);
            if (commits) {
                point = next;
                since = view.interval().end();
                grownSincePoint = growsUnderView;
            }
        } finally {
            view.close();
        }
        if (commits) {
            tracker().commit("target", view.interval().end());
        } else {
            tracker().abandon("target", view.interval().end());
        }
    }
}
