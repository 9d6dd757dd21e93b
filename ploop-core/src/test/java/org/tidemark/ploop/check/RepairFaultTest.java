package org.tidemark.ploop.check;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.chain.AttachedImage.Use;
import org.tidemark.ploop.chain.ChainProgress;
import org.tidemark.ploop.device.DeviceState;
import org.tidemark.ploop.device.KeptState;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.sim.BrokenOff;
import org.tidemark.ploop.sim.CrashPlan;
import org.tidemark.ploop.sim.FailedStep;
import org.tidemark.ploop.sim.SimulatedDisk;

/**
 * A damaged image is mended, or put back as it was, while its disk fails one request: each of them, for want of space or
 * otherwise. It says so, what could be read can still be read, the undo file is true, and the same can be given again.
 */
@Timeout(120)
public final class RepairFaultTest {
    private static final int[] ERRORS = {Errno.EIO, Errno.ENOSPC};

    /** Who comes after a repair under a device. */
    private enum Next {
        SAME_PROCESS,
        SUCCESSOR,
        SAME_MACHINE,
        AFTER_POWER_CUT
    }

    private static SimulatedDisk afterPowerCut(SimulatedDisk disk, int nth) {
        return disk.crash(nth % 3 == 0 ? CrashPlan.dropAll() : CrashPlan.random(new Random(nth)));
    }

    // Of an image that nobody has open.

    /** Whether there was such a request. */
    private static boolean mend(DamagedImage image, SimulatedDisk base, int nth, int errno, boolean powerGoes)
            throws IOException {
        byte[] before = image.bytes(base);
        SimulatedDisk disk = base.twin();
        FailedStep step = FailedStep.arm(disk, nth, errno);
        boolean done = false;
        try {
            ChainRepair.run(image.files(disk));
            done = true;
        } catch (IOException e) {
            step.requireTold(e);
        }
        boolean happened = step.happened();
        try {
            assertThat(done).isEqualTo(!happened || (done && step.concernsOnlySpace()));
            SimulatedDisk after = powerGoes ? afterPowerCut(disk, nth) : disk;
            requireUndone(image, before, after.twin(), done);
            requireMended(image, after);
        } catch (AssertionError | IOException | RuntimeException e) {
            throw new AssertionError("request " + nth + ", " + step + (powerGoes ? ", then a power cut" : ""), e);
        }
        return happened;
    }

    /** Whatever there is of an undo file brings every byte back, or says that it is none, and then nothing was changed. */
    private static void requireUndone(DamagedImage image, byte[] before, SimulatedDisk disk, boolean mustBeThere)
            throws IOException {
        String undo = image.file() + ".undo-1";
        assertThat(disk.exists(undo) || !mustBeThere).isTrue();
        if (disk.exists(undo)) {
            try {
                UndoFile.putBack(disk, undo);
                assertThat(disk.exists(undo)).isFalse();
            } catch (ImageException e) {
                assertThat(e.kind()).isEqualTo(ImageException.Kind.NOT_AN_IMAGE);
            }
        }
        assertThat(Arrays.mismatch(image.bytes(disk.crash(CrashPlan.dropAll())), before))
                .as("first byte that is not as it was")
                .isEqualTo(-1);
    }

    private static void requireMended(DamagedImage image, SimulatedDisk disk) throws IOException {
        ChainRepair.run(image.files(disk));
        SimulatedDisk durable = disk.crash(CrashPlan.dropAll());
        image.nothingIsWrong(durable);
        AttachedImage attached = image.attach(durable, Use.READ_WRITE, new KeptState());
        image.requireKept(attached, true);
        attached.close();
    }

    @ParameterizedTest
    @EnumSource(DamagedImage.Kind.class)
    void whateverRequestOfARepairFailsItCanBeGivenAgainOrTakenBack(DamagedImage.Kind kind) throws IOException {
        DamagedImage image = new DamagedImage(kind);
        SimulatedDisk base = image.sound();
        image.damage(base);
        for (int errno : ERRORS) {
            for (boolean powerGoes : new boolean[] {false, true}) {
                int failures = 0;
                while (mend(image, base, failures + 1, errno, powerGoes)) {
                    failures++;
                }
                assertThat(failures).as("requests that failed").isGreaterThan(10);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(DamagedImage.Kind.class)
    void whateverRequestOfPuttingBackFailsItCanBeGivenAgain(DamagedImage.Kind kind) throws IOException {
        DamagedImage image = new DamagedImage(kind);
        SimulatedDisk base = image.sound();
        image.damage(base);
        byte[] before = image.bytes(base);
        ChainRepair.run(image.files(base));
        for (int errno : ERRORS) {
            for (boolean powerGoes : new boolean[] {false, true}) {
                int failures = 0;
                while (putBack(image, before, base, failures + 1, errno, powerGoes)) {
                    failures++;
                }
                assertThat(failures).as("requests that failed").isGreaterThan(5);
            }
        }
    }

    private static boolean putBack(
            DamagedImage image, byte[] before, SimulatedDisk base, int nth, int errno, boolean powerGoes)
            throws IOException {
        String undo = image.file() + ".undo-1";
        SimulatedDisk disk = base.twin();
        FailedStep step = FailedStep.arm(disk, nth, errno);
        boolean done = false;
        try {
            UndoFile.putBack(disk, undo);
            done = true;
        } catch (IOException e) {
            step.requireTold(e);
        }
        boolean happened = step.happened();
        assertThat(done).as(step.toString()).isEqualTo(!happened || (done && step.concernsOnlySpace()));
        SimulatedDisk after = powerGoes ? afterPowerCut(disk, nth) : disk;
        if (after.exists(undo)) {
            UndoFile.putBack(after, undo);
        }
        assertThat(Arrays.mismatch(image.bytes(after.crash(CrashPlan.dropAll())), before))
                .as("first byte that is not as it was, request " + nth + ", " + step)
                .isEqualTo(-1);
        return happened;
    }

    // Under a device.

    private static List<ChainRepair.Repaired> repair(AttachedImage image) throws IOException {
        try (AttachedImage.Change change = image.beginChange(UUID::randomUUID, ChainProgress.NONE)) {
            return ChainRepair.run(change, image.files());
        }
    }

    /** One repair under a device, and what came of it. */
    private static final class Life {
        private final DamagedImage image;
        private final KeptState area = new KeptState();
        private @Nullable AttachedImage attached;
        private boolean tracked = true;
        private boolean done;

        Life(DamagedImage made) {
            this.image = made.copy();
        }

        /** Somebody writes and has not flushed yet, then the table is hit. */
        Life begin(ImageDirectory folder) throws IOException {
            attached = image.attach(folder, Use.READ_WRITE, area, tracked);
            image.write(current(), DamagedImage.SOUND, 77);
            image.damage(folder);
            return this;
        }

        private AttachedImage current() {
            AttachedImage now = attached;
            assertThat(now).isNotNull();
            return now;
        }

        void repair() throws IOException {
            RepairFaultTest.repair(current());
            image.settle();
            done = true;
        }

        void requireHonest() throws IOException {
            image.requireShown(current(), done);
            if (current().state() != DeviceState.RUNNING) {
                assertThat(current().state()).isEqualTo(DeviceState.ABORTED);
                assertThat(current().device().trouble()).contains("read-only");
                assertThatThrownBy(() -> current().write(0, AlignedBuffer.allocate(512), 0, 512))
                        .hasMessageContaining("read-only");
            }
        }

        /** The device goes on, and the repair is given again; or it does not, and is let go of. */
        private void inTheSameProcess() throws IOException {
            if (current().state() == DeviceState.RUNNING) {
                try {
                    repair();
                } catch (ImageException e) {
                    assertThat(e.kind()).isEqualTo(ImageException.Kind.SUSPECT);
                }
                requireHonest();
            }
            if (current().state() == DeviceState.RUNNING) {
                image.write(current(), DamagedImage.UNUSED, 88);
            }
            try {
                boolean proper = current().state() == DeviceState.RUNNING;
                current().close();
                if (proper) {
                    image.settle();
                }
            } catch (ImageException e) {
                assertThat(current().state()).isNotEqualTo(DeviceState.RUNNING);
            }
        }

        /** A successor shows the same, or refuses what is damaged still. */
        private void taken(SimulatedDisk disk) throws IOException {
            boolean aborted = current().state() == DeviceState.ABORTED;
            try {
                AttachedImage next = image.attach(disk, Use.TAKE_OVER, area.successor());
                image.requireShown(next, done);
                assertThat(aborted).isEqualTo(next.state() == DeviceState.ABORTED);
            } catch (ImageException e) {
                assertThat(e.kind()).isEqualTo(ImageException.Kind.DAMAGED);
                assertThat(done).isFalse();
            }
        }

        /** Whoever comes at last. One that is damaged still is mended before it is opened again. */
        private void goOn(SimulatedDisk disk) throws IOException {
            disk.killAll();
            try (AttachedImage again = image.attach(disk, Use.READ_WRITE, new KeptState())) {
                assertThat(again.state()).isEqualTo(DeviceState.RUNNING);
                RepairFaultTest.repair(again);
                image.requireKept(again, true);
            } catch (ImageException e) {
                assertThat(e.kind()).isEqualTo(ImageException.Kind.DAMAGED);
                ChainRepair.run(image.files(disk));
                try (AttachedImage again = image.attach(disk, Use.READ_WRITE, new KeptState())) {
                    image.requireKept(again, true);
                }
            }
            image.nothingIsWrong(disk);
        }
    }

    private static boolean live(DamagedImage made, SimulatedDisk base, int nth, int errno, Next next)
            throws IOException {
        SimulatedDisk disk = base.twin();
        Life life = new Life(made).begin(disk);
        FailedStep step = FailedStep.arm(disk, nth, errno);
        try {
            life.repair();
        } catch (IOException e) {
            step.requireTold(e);
        }
        boolean happened = step.happened();
        try {
            boolean mayBeDone = !happened || step.concernsOnlySpace() || step.mayConcernTheTracker();
            assertThat(life.done).isIn(mayBeDone, !happened);
            life.requireHonest();
            SimulatedDisk after = disk;
            switch (next) {
                case SAME_PROCESS -> life.inTheSameProcess();
                case SUCCESSOR -> life.taken(disk);
                case SAME_MACHINE -> {}
                case AFTER_POWER_CUT -> after = afterPowerCut(disk, nth);
            }
            life.goOn(after);
        } catch (AssertionError | IOException | RuntimeException e) {
            throw new AssertionError("request " + nth + ", " + step + ", then " + next, e);
        }
        return happened;
    }

    @ParameterizedTest
    @EnumSource(DamagedImage.Kind.class)
    void whateverRequestFailsUnderADeviceNothingIsLost(DamagedImage.Kind kind) throws IOException {
        DamagedImage made = new DamagedImage(kind);
        SimulatedDisk base = made.sound();
        for (int errno : ERRORS) {
            for (Next next : Next.values()) {
                int failures = 0;
                while (live(made, base, failures + 1, errno, next)) {
                    failures++;
                }
                assertThat(failures).as("requests that failed").isGreaterThan(15);
            }
        }
    }

    /** One repair under a device whose disk fails somewhere, or whose process is killed; for many seeds. */
    public static void live(Random random, BrokenOff brokenOff, UnaryOperator<ImageDirectory> program)
            throws IOException {
        DamagedImage made = new DamagedImage(DamagedImage.Kind.values()[random.nextInt(3)]);
        SimulatedDisk disk = made.sound();
        Life[] last = new Life[1];
        brokenOff.run(disk, random, program, folder -> {
            last[0] = new Life(made);
            // A tracker that cannot write doubts what it knows, and says so to the next backup only.
            last[0].tracked = false;
            last[0].begin(folder).repair();
        });
        Life life = last[0];
        life.goOn(brokenOff.next(disk, random));
    }
}
