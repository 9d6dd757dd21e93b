package org.tidemark.ploop.chain;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.tidemark.ploop.chain.AttachedImage.Use;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.check.Finding;
import org.tidemark.ploop.device.DeviceState;
import org.tidemark.ploop.device.KeptState;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.expanded.ExpandedLayout;
import org.tidemark.ploop.format.expanded.ExpandedVersion;
import org.tidemark.ploop.format.qcow2.CreateOptions;
import org.tidemark.ploop.format.qcow2.Qcow2Format;
import org.tidemark.ploop.format.raw.RawFormat;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.HostIdentity;
import org.tidemark.ploop.sim.BrokenOff;
import org.tidemark.ploop.sim.CrashPlan;
import org.tidemark.ploop.sim.CutShort;
import org.tidemark.ploop.sim.DiskModel;
import org.tidemark.ploop.sim.FailedIo;
import org.tidemark.ploop.sim.FailedStep;
import org.tidemark.ploop.sim.FaultPlan.Kind;
import org.tidemark.ploop.sim.ForwardingDirectory;
import org.tidemark.ploop.sim.Killed;
import org.tidemark.ploop.sim.MortalDirectory;
import org.tidemark.ploop.sim.OrderCheckedDirectory;
import org.tidemark.ploop.sim.SimulatedDisk;

/**
 * The disk of an attached image becomes larger while its disk fails one request: each of them, for want of space or otherwise.
 * It says so, nothing that was acknowledged is lost, the device goes on or is read-only, and the growth can be given again.
 */
@Timeout(120)
public final class AttachedGrowthFaultTest {
    private static final int CLUSTER = 32 * 1024;
    private static final int BEFORE = 9 * CLUSTER;
    /** Its table needs a second cluster, so that the first data cluster moves. */
    private static final long AFTER = 8_300L * CLUSTER;

    private static final String NAME = "root.hdd";
    private static final HostIdentity HOST = new HostIdentity("host-a", "boot-1");

    /** What the image is. */
    private enum Start {
        FOLDER,
        FOLDER_OF_VERSION_1,
        SNAPSHOT_BELOW,
        RAW
    }

    /** Who comes next. */
    private enum Next {
        /** The same process, which closes it in the end. */
        SAME_PROCESS,
        /** The successor of the process, which was killed. */
        SUCCESSOR,
        /** Somebody on the same machine, later; nothing was flushed. */
        SAME_MACHINE,
        /** After the power went. */
        AFTER_POWER_CUT
    }

    /** One image with what is known of it. */
    private static final class Life {
        private final Start start;
        private final DiskModel model;
        private final AlignedBuffer buffer = AlignedBuffer.allocate(BEFORE);
        private KeptState area = new KeptState();
        private @Nullable AttachedImage image;
        private boolean tracked = true;
        private boolean done;

        Life(Start start) {
            this(start, new DiskModel(BEFORE));
        }

        private Life(Start start, DiskModel model) {
            this.start = start;
            this.model = model;
        }

        Life copy() {
            return new Life(start, model.copy());
        }

        private SimulatedDisk make() throws IOException {
            SimulatedDisk disk = new SimulatedDisk();
            if (start == Start.RAW) {
                try (ImageIo io = disk.create(NAME)) {
                    new RawFormat().create(io, new DeltaGeometry(BEFORE, CLUSTER));
                    io.flush();
                }
                disk.sync();
            } else {
                ExpandedVersion version = start == Start.FOLDER_OF_VERSION_1 ? ExpandedVersion.V1 : ExpandedVersion.V2;
                ChainFiles.create(disk, NAME, BEFORE, CLUSTER, new ExpandedLayout(version, false));
            }
            attach(disk, Use.READ_WRITE);
            for (int cluster = 0; cluster < 6; cluster++) {
                write(cluster, cluster);
            }
            if (start == Start.SNAPSHOT_BELOW) {
                try (AttachedImage.Change change = current().beginChange(UUID::randomUUID, ChainProgress.NONE)) {
                    change.operations().create(current().files());
                }
                write(0, 20);
            }
            long mark = model.flushBegins();
            current().close();
            model.flushEnded(mark);
            return disk;
        }

        private ChainFiles filesIn(ImageDirectory folder) throws IOException {
            return start == Start.RAW ? ChainFiles.loneFile(folder, NAME, RawFormat.ID) : ChainFiles.in(folder);
        }

        private AttachedImage current() {
            AttachedImage now = image;
            assertThat(now).isNotNull();
            return now;
        }

        private void attach(ImageDirectory folder, Use use) throws IOException {
            image = null;
            StateArea found = area;
            image = AttachedImage.open(
                    filesIn(folder), use, found, () -> {}, tracked, new OwnerRecord(HOST, 1), UUID::randomUUID);
        }

        private void write(int cluster, long seed) throws IOException {
            byte[] data = new byte[CLUSTER];
            new Random(seed).nextBytes(data);
            buffer.bytes().put(0, data);
            boolean written = false;
            try {
                current().write((long) cluster * CLUSTER, buffer, 0, CLUSTER);
                written = true;
            } finally {
                if (written) {
                    model.wrote((long) cluster * CLUSTER, data);
                } else {
                    model.mayHaveWritten((long) cluster * CLUSTER, data);
                }
            }
        }

        private void flush() throws IOException {
            long mark = model.flushBegins();
            current().flush();
            model.flushEnded(mark);
        }

        private void read(long offset, byte[] dst) throws IOException {
            Arrays.fill(dst, (byte) 0);
            current().read(offset, buffer, 0, dst.length);
            buffer.bytes().get(0, dst);
        }

        /** Somebody writes: durably, and not. */
        private void use(ImageDirectory folder) throws IOException {
            attach(folder, Use.READ_WRITE);
            write(1, 31);
            write(6, 36);
            flush();
            write(2, 32);
            write(7, 37);
        }

        private void grow() throws IOException {
            long mark = model.flushBegins();
            try (AttachedImage.Change change = current().beginChange(UUID::randomUUID, ChainProgress.NONE)) {
                assertThat(change.grow(AFTER)).isEqualTo(AFTER);
            }
            model.flushEnded(mark);
            done = true;
        }

        /** The device shows everything and either goes on or says why it does not. */
        private void requireHonest(FailedStep step) throws IOException {
            model.checkVisible(this::read);
            assertThat(current().sizeBytes()).isIn((long) BEFORE, AFTER);
            if (current().state() == DeviceState.RUNNING) {
                try {
                    write(3, 43);
                    flush();
                } catch (ImageException e) {
                    // Its file was not written to since, so that nobody had noticed.
                    assertThat(e.kind()).as(step.toString()).isEqualTo(ImageException.Kind.SUSPECT);
                }
            }
            if (current().state() != DeviceState.RUNNING) {
                assertThat(current().state()).isEqualTo(DeviceState.ABORTED);
                assertThat(current().device().trouble()).contains("read-only");
                assertThatThrownBy(() -> current().write(0, buffer, 0, 512)).hasMessageContaining("read-only");
            }
            model.checkVisible(this::read);
        }

        /** The one that comes at last: an image like any other, in which the growth can be given (again). */
        private void goOn(SimulatedDisk disk) throws IOException {
            disk.killAll();
            area = new KeptState();
            attach(disk, Use.READ_WRITE);
            model.checkAfterCrash(this::read);
            assertThat(current().sizeBytes()).isIn(done ? new Long[] {AFTER} : new Long[] {(long) BEFORE, AFTER});
            grow();
            write(8, 58);
            buffer.zero(0, CLUSTER);
            buffer.putLong(0, 4711);
            current().write(AFTER - CLUSTER, buffer, 0, CLUSTER);
            long mark = model.flushBegins();
            current().close();
            model.flushEnded(mark);
            attach(disk, Use.READ_ONLY);
            model.checkAfterCrash(this::read);
            assertThat(current().sizeBytes()).isEqualTo(AFTER);
            current().read(AFTER - CLUSTER, buffer, 0, CLUSTER);
            assertThat(buffer.getLong(0)).isEqualTo(4711);
            current().close();
            for (Finding finding : ChainCheck.run(filesIn(disk)).findings()) {
                assertThat(finding).isInstanceOf(Finding.LeakedClusters.class);
            }
            assertThat(disk.exists(ChainIntent.FILE_NAME)).isFalse();
        }

        private SimulatedDisk closed(SimulatedDisk disk) throws IOException {
            long mark = model.flushBegins();
            try {
                DeviceState before = current().state();
                current().close();
                if (before == DeviceState.RUNNING) {
                    model.flushEnded(mark);
                }
            } catch (ImageException e) {
                assertThat(current().state()).isNotEqualTo(DeviceState.RUNNING);
            }
            return disk;
        }

        private SimulatedDisk takenOver(SimulatedDisk disk) throws IOException {
            boolean aborted = current().state() == DeviceState.ABORTED;
            area = area.successor();
            attach(disk, Use.TAKE_OVER);
            assertThat(current().state()).isEqualTo(aborted ? DeviceState.ABORTED : DeviceState.RUNNING);
            if (aborted) {
                // What a failed flush lost is lost for it; it was not acknowledged as durable.
                read(0, new byte[BEFORE]);
                return disk;
            }
            model.checkVisible(this::read);
            return closed(disk);
        }

        private SimulatedDisk after(Next next, SimulatedDisk disk, int nth) throws IOException {
            return switch (next) {
                case SAME_PROCESS -> closed(disk);
                case SUCCESSOR -> takenOver(disk);
                case SAME_MACHINE -> disk;
                case AFTER_POWER_CUT ->
                    disk.crash(nth % 3 == 0 ? CrashPlan.dropAll() : CrashPlan.random(new Random(nth)));
            };
        }
    }

    /** Whether there was such a request. */
    private static boolean live(Life made, SimulatedDisk base, int nth, int errno, Next next) throws IOException {
        Life life = made.copy();
        SimulatedDisk disk = base.twin();
        life.use(new OrderCheckedDirectory(disk));
        FailedStep step = FailedStep.arm(disk, nth, errno);
        try {
            life.grow();
        } catch (IOException e) {
            step.requireTold(e);
        }
        boolean happened = step.happened();
        try {
            // A flush for the tracker's sake comes when the growth is durable already; the device says what became of
            // it.
            boolean mayBeDone = !happened
                    || step.concernsOnlySpace()
                    || step.mayConcernTheTracker()
                    || life.current().state() == DeviceState.ABORTED;
            assertThat(life.done).isIn(mayBeDone, !happened);
            life.requireHonest(step);
            life.goOn(life.after(next, disk, nth));
        } catch (AssertionError | IOException | RuntimeException e) {
            throw new AssertionError("request " + nth + ", " + step + ", then " + next, e);
        }
        return happened;
    }

    @ParameterizedTest
    @EnumSource(Start.class)
    void whateverRequestFailsNothingIsLost(Start start) throws IOException {
        Life made = new Life(start);
        SimulatedDisk base = made.make();
        for (int errno : new int[] {Errno.EIO, Errno.ENOSPC}) {
            for (Next next : Next.values()) {
                int failures = 0;
                while (live(made, base, failures + 1, errno, next)) {
                    failures++;
                }
                assertThat(failures).as("requests that failed").isGreaterThan(start == Start.RAW ? 3 : 12);
            }
        }
    }

    /**
     * The power goes at every change of the growth; what was not flushed survives in any part, or nothing of it does.
     *
     * @param growing told when the growth begins
     */
    private static void cutOffAnywhere(Start start, UnaryOperator<ImageDirectory> program, Consumer<Boolean> growing)
            throws IOException {
        Life made = new Life(start);
        SimulatedDisk base = made.make();
        boolean finished = false;
        for (int changes = 0; !finished; changes++) {
            for (int seed = 0; seed < 4; seed++) {
                Life life = made.copy();
                SimulatedDisk disk = base.twin();
                MortalDirectory mortal = new MortalDirectory(disk);
                growing.accept(false);
                life.use(program.apply(mortal));
                mortal.killAfter(changes);
                growing.accept(true);
                try {
                    life.grow();
                    finished = true;
                } catch (Killed e) {
                    // The machine goes down here.
                }
                growing.accept(false);
                life.goOn(disk.crash(seed == 0 ? CrashPlan.dropAll() : CrashPlan.random(new Random(seed + changes))));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Start.class)
    void thePowerGoesAnywhere(Start start) throws IOException {
        cutOffAnywhere(start, UnaryOperator.identity(), growing -> {});
    }

    /** Negative controls: a growth that leaves out one flush. */
    @ParameterizedTest
    @EnumSource(ForgottenFlush.Place.class)
    void whoeverForgetsAFlushIsCaught(ForgottenFlush.Place place) {
        AtomicBoolean growing = new AtomicBoolean();
        assertThatThrownBy(() -> cutOffAnywhere(
                        Start.FOLDER,
                        folder ->
                                new ForwardingDirectory(folder, file -> new ForgottenFlush(file, place, growing::get)),
                        growing::set))
                .isInstanceOfAny(AssertionError.class, IOException.class);
    }

    /** One growth on a disk that fails somewhere, or of a process that is killed; for many seeds. */
    public static void live(Random random, BrokenOff brokenOff, UnaryOperator<ImageDirectory> program)
            throws IOException {
        Start start = Start.values()[random.nextInt(Start.values().length)];
        Life made = new Life(start);
        SimulatedDisk disk = made.make();
        Life[] last = {made};
        CutShort.Command growth = folder -> {
            last[0] = made.copy();
            // A tracker that cannot write doubts what it knows, and says so to the next backup only.
            last[0].tracked = false;
            last[0].use(new OrderCheckedDirectory(folder));
            last[0].grow();
        };
        if (brokenOff == BrokenOff.BY_FAILED_IO) {
            // A sync of the folder that fails is tried again when the new descriptor is there.
            FailedIo.run(disk, random, program, growth, EnumSet.of(Kind.SYNC, Kind.PUNCH, Kind.TRUNCATE));
        } else {
            brokenOff.run(disk, random, program, growth);
        }
        last[0].goOn(brokenOff.next(disk, random));
    }

    /** The format keeps its size while it is in use; nothing is touched, whatever the disk does. */
    @Test
    void aQcow2ImageIsRefusedAndGoesOn() throws IOException {
        SimulatedDisk disk = new SimulatedDisk();
        try (ImageIo io = disk.create(NAME)) {
            Qcow2Format.create(io, new DeltaGeometry(BEFORE, CLUSTER), CreateOptions.USUAL);
        }
        disk.sync();
        AttachedImage image = AttachedImage.open(
                ChainFiles.loneFile(disk, NAME, Qcow2Format.ID),
                Use.READ_WRITE,
                new KeptState(),
                () -> {},
                true,
                new OwnerRecord(HOST, 1),
                UUID::randomUUID);
        AlignedBuffer buffer = AlignedBuffer.allocate(CLUSTER);
        buffer.putLong(0, 4711);
        image.write(CLUSTER, buffer, 0, CLUSTER);
        try (AttachedImage.Change change = image.beginChange(UUID::randomUUID, ChainProgress.NONE)) {
            assertThatThrownBy(() -> change.grow(AFTER))
                    .isInstanceOfSatisfying(
                            ImageException.class, e -> assertThat(e.kind()).isEqualTo(ImageException.Kind.UNSUPPORTED));
        }
        assertThat(image.state()).isEqualTo(DeviceState.RUNNING);
        assertThat(image.sizeBytes()).isEqualTo(BEFORE);
        image.write(2 * CLUSTER, buffer, 0, CLUSTER);
        image.flush();
        buffer.zero(0, CLUSTER);
        image.read(CLUSTER, buffer, 0, CLUSTER);
        assertThat(buffer.getLong(0)).isEqualTo(4711);
        image.close();
    }
}
