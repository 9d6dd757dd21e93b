package org.tidemark.ploop.chain;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.contract.ChainDisk;
import org.tidemark.ploop.contract.TestBytes;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.raw.RawFormat;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.sim.BrokenOff;
import org.tidemark.ploop.sim.CrashPlan;
import org.tidemark.ploop.sim.FailedStep;
import org.tidemark.ploop.sim.SimulatedDisk;

/** The files of an image are put under other names, replaced and converted: the disk stays what it is, whatever happens. */
@Timeout(120)
public final class FileReplacementTest {
    private static final int CLUSTER = 32 * 1024;
    private static final int DISK = 12 * CLUSTER;
    private static final String FILE = "root.hdd";
    private static final String OTHER = "other.hdd";
    private static final String SNAPSHOT = Guid.of(new UUID(1, 1));

    /** What is done. */
    enum Change {
        RENAME {
            @Override
            void make(ImageDirectory folder) throws IOException {
                FileReplacement.rename(ChainFiles.in(folder), SNAPSHOT, OTHER);
            }
        },
        REPLACE {
            @Override
            void make(ImageDirectory folder) throws IOException {
                FileReplacement.replace(ChainFiles.in(folder), SNAPSHOT, "copy.hdd", false);
            }
        },
        REPLACE_AND_KEEP_THE_NAME {
            @Override
            void make(ImageDirectory folder) throws IOException {
                FileReplacement.replace(ChainFiles.in(folder), SNAPSHOT, "copy.hdd", true);
            }
        },
        TO_RAW {
            @Override
            void make(ImageDirectory folder) throws IOException {
                FileReplacement.convert(ChainFiles.in(folder), FileReplacement.Kind.RAW, UUID::randomUUID);
            }
        },
        TO_PREALLOCATED {
            @Override
            void make(ImageDirectory folder) throws IOException {
                FileReplacement.convert(ChainFiles.in(folder), FileReplacement.Kind.PREALLOCATED, UUID::randomUUID);
            }
        };

        abstract void make(ImageDirectory folder) throws IOException;

        private boolean converts() {
            return this == TO_RAW || this == TO_PREALLOCATED;
        }
    }

    private final byte[] content = new byte[DISK];

    /** Two clusters of it are empty; a snapshot is below the top unless the image is to be converted. */
    private SimulatedDisk image(Change change) throws IOException {
        SimulatedDisk disk = new SimulatedDisk();
        ChainFiles.create(disk, FILE, DISK, CLUSTER);
        Random random = new Random(3);
        write(disk, 0, TestBytes.random(random, 9 * CLUSTER));
        write(disk, 11 * CLUSTER, TestBytes.random(random, 512));
        if (!change.converts()) {
            new SnapshotOperations(() -> new UUID(1, 1), ChainProgress.NONE).create(ChainFiles.in(disk));
            write(disk, 2 * CLUSTER, TestBytes.random(random, CLUSTER));
            copy(disk, FILE, "copy.hdd");
        }
        return disk.twin();
    }

    private void write(SimulatedDisk disk, int offset, byte[] bytes) throws IOException {
        try (ChainDisk chain = ChainDisk.open(ChainFiles.in(disk), OpenIntent.WRITE)) {
            chain.write(offset, bytes);
        }
        System.arraycopy(bytes, 0, content, offset, bytes.length);
    }

    private static void copy(ImageDirectory folder, String from, String to) throws IOException {
        try (ImageIo source = folder.open(from, OpenMode.READ_ONLY);
                ImageIo target = folder.create(to)) {
            TestBytes.write(target, 0, TestBytes.read(source, 0, (int) source.size()));
        }
    }

    private static void done(Change change, ImageDirectory folder) throws IOException {
        try {
            change.make(folder);
        } catch (FileAlreadyExistsException | NoSuchFileException | ImageException e) {
            // It had been done.
            assertThat(isDone(change, folder)).as(e.toString()).isTrue();
        }
        assertThat(isDone(change, folder)).isTrue();
    }

    private static boolean isDone(Change change, ImageDirectory folder) throws IOException {
        DiskDescriptor now = DiskDescriptor.read(folder);
        DiskDescriptor.Image first = now.pathTo(now.topGuid()).get(0);
        return switch (change) {
            case RENAME -> first.file().equals(OTHER) && !folder.exists(FILE);
            case REPLACE -> first.file().equals("copy.hdd") && folder.exists(FILE);
            case REPLACE_AND_KEEP_THE_NAME -> first.file().equals(FILE) && !folder.exists("copy.hdd");
            case TO_RAW -> first.formatId().equals(RawFormat.ID) && first.file().equals(FILE);
            case TO_PREALLOCATED ->
                new String(now.serialise(), java.nio.charset.StandardCharsets.UTF_8)
                                .contains("<Preallocated>1</Preallocated>")
                        && first.file().equals(FILE);
        };
    }

    private void requireSame(SimulatedDisk disk) throws IOException {
        try (ChainDisk chain = ChainDisk.open(ChainFiles.in(disk), OpenIntent.READ)) {
            assertThat(Arrays.mismatch(chain.read(0, DISK), content))
                    .as("first byte that is not as it was")
                    .isEqualTo(-1);
        }
    }

    /** The image is the old one or the new one for whoever comes; recovered, it is tidy, and the change can be made. */
    private void goOn(Change change, SimulatedDisk disk) throws IOException {
        disk.killAll();
        requireSame(disk);
        new SnapshotOperations(UUID::randomUUID, ChainProgress.NONE).recover(disk);
        requireSame(disk);
        requireTidy(disk);
        if (converted(disk)) {
            // Only its name was not put right, which the next one does not care about.
            assertThat(change.converts()).isTrue();
        } else {
            done(change, disk);
        }
        SimulatedDisk durable = disk.crash(CrashPlan.dropAll());
        new SnapshotOperations(UUID::randomUUID, ChainProgress.NONE).recover(durable);
        requireSame(durable);
        requireTidy(durable);
        assertThat(ChainCheck.run(ChainFiles.in(durable)).findings()).isEmpty();
        write(durable, 4 * CLUSTER, TestBytes.random(new Random(9), CLUSTER));
        requireSame(durable);
    }

    private static boolean converted(ImageDirectory folder) throws IOException {
        DiskDescriptor now = DiskDescriptor.read(folder);
        return now.images().size() == 1 && now.images().get(0).file().startsWith(FILE + ".{");
    }

    private static void requireTidy(ImageDirectory folder) throws IOException {
        assertThat(folder.exists(ChainIntent.FILE_NAME)).isFalse();
        List<String> named = DiskDescriptor.read(folder).images().stream()
                .map(DiskDescriptor.Image::file)
                .toList();
        assertThat(folder.list().stream()
                        .filter(name -> name.startsWith(FILE) || name.equals(OTHER))
                        .filter(name -> !name.equals(FILE)))
                .as("files that nobody names")
                .allMatch(named::contains);
    }

    @ParameterizedTest
    @EnumSource(Change.class)
    void thePowerGoesAtEveryOperation(Change change) throws IOException {
        SimulatedDisk base = image(change);
        byte[] before = content.clone();
        boolean made = false;
        for (long step = 1; !made; step++) {
            for (int seed = 0; seed < 3; seed++) {
                System.arraycopy(before, 0, content, 0, DISK);
                SimulatedDisk disk = base.twin();
                disk.faults().powerOffAt(disk.faults().operations() + step);
                try {
                    change.make(disk);
                    made = true;
                } catch (IOException e) {
                    assertThat(e).hasMessageContaining("no power");
                }
                goOn(change, disk.crash(seed == 0 ? CrashPlan.dropAll() : CrashPlan.random(new Random(seed + step))));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Change.class)
    void theDiskFailsAnyRequest(Change change) throws IOException {
        SimulatedDisk base = image(change);
        byte[] before = content.clone();
        for (int errno : new int[] {Errno.EIO, Errno.ENOSPC}) {
            for (int nth = 1; ; nth++) {
                System.arraycopy(before, 0, content, 0, DISK);
                SimulatedDisk disk = base.twin();
                FailedStep step = FailedStep.arm(disk, nth, errno);
                boolean made = false;
                try {
                    change.make(disk);
                    made = true;
                } catch (IOException e) {
                    step.requireTold(e);
                }
                if (!step.happened()) {
                    assertThat(made).isTrue();
                    assertThat(nth).isGreaterThan(2);
                    break;
                }
                assertThat(made && !step.concernsOnlySpace())
                        .as("done, although " + step)
                        .isFalse();
                goOn(change, nth % 2 == 0 ? disk : disk.crash(new Random(nth)));
            }
        }
    }

    /** One change on a disk that fails somewhere; for many seeds. */
    public static void live(Random random, BrokenOff brokenOff, UnaryOperator<ImageDirectory> program)
            throws IOException {
        Change change = Change.values()[random.nextInt(Change.values().length)];
        FileReplacementTest test = new FileReplacementTest();
        SimulatedDisk disk = test.image(change);
        brokenOff.run(disk, random, program, change::make);
        test.goOn(change, brokenOff.next(disk, random));
    }

    @Test
    void anotherContentOrAnImageInUseIsRefused() throws IOException {
        SimulatedDisk disk = image(Change.REPLACE);
        try (ImageIo io = disk.open("copy.hdd", OpenMode.READ_WRITE)) {
            TestBytes.write(io, 3 * CLUSTER + 700, new byte[] {1, 2, 3});
        }
        for (boolean keepName : new boolean[] {false, true}) {
            assertThatThrownBy(() -> FileReplacement.replace(ChainFiles.in(disk), SNAPSHOT, "copy.hdd", keepName))
                    .isInstanceOf(ImageException.class)
                    .hasMessageContaining("does not hold the same");
        }
        assertThatThrownBy(() -> FileReplacement.rename(ChainFiles.in(disk), SNAPSHOT, "copy.hdd"))
                .isInstanceOf(FileAlreadyExistsException.class);
        assertThatThrownBy(
                        () -> FileReplacement.convert(ChainFiles.in(disk), FileReplacement.Kind.RAW, UUID::randomUUID))
                .hasMessageContaining("has snapshots");
        try (ImageDirectory.ImageLock somebody = disk.lock(FILE, false)) {
            assertThatThrownBy(() -> FileReplacement.rename(ChainFiles.in(disk), SNAPSHOT, OTHER))
                    .isInstanceOfSatisfying(
                            ImageException.class, e -> assertThat(e.kind()).isEqualTo(ImageException.Kind.IN_USE));
        }
        requireSame(disk);
        requireTidy(disk);
    }
}
