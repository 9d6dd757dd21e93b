package org.tidemark.ploop.chain;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.chain.AttachedImage.Use;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.device.DeviceView;
import org.tidemark.ploop.device.Instant;
import org.tidemark.ploop.device.KeptState;
import org.tidemark.ploop.device.cbt.ChangedBlockTracker;
import org.tidemark.ploop.device.cbt.Checkpoint;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.expanded.ExpandedLayout;
import org.tidemark.ploop.format.expanded.ExpandedVersion;
import org.tidemark.ploop.format.qcow2.CreateOptions;
import org.tidemark.ploop.format.qcow2.Qcow2Format;
import org.tidemark.ploop.format.qcow2.Qcow2Header;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.os.HostIdentity;
import org.tidemark.ploop.sim.CrashCount;
import org.tidemark.ploop.sim.Killed;
import org.tidemark.ploop.sim.MortalDirectory;
import org.tidemark.ploop.sim.SimulatedDisk;

/**
 * One bit of what is stored is another one when an image is attached the next time. What is promised then, by what was hit:
 *
 * <pre>
 *   what was hit                 seen                          not seen, and what that costs
 *   header                       refused, or a finding         a bit that says nothing about the disk: nothing
 *   table of an expanded image   refused for writing, or a     an entry that is 0 now, or names a cluster that nobody else
 *                                finding: no such cluster,     names: the one cluster of that entry shows something else
 *                                one that is another entry's
 *   disk size of qcow2           a finding when it hides       the disk has that size; of a file below, what lies behind
 *                                something                     it is hidden
 *   place of qcow2's L1 table    refused                       a place with zeros that is counted as in use is the table of
 *                                                              an empty disk, and the check says that clusters are leaked
 *   L1, L2 table of qcow2        refused, or a finding         as above, for all that the entry says
 *   reference counts of qcow2    a finding; a cluster that is  nothing
 *                                in use is not handed out
 *   DiskDescriptor.xml           refused                       a bit that says nothing about the disk: nothing
 *   file of a change under way   refused                       what it says is not done: nothing
 *   file of the tracker          the next backup reads all     -
 *   data                         -                             that bit: files of these formats have no checksums
 * </pre>
 *
 * <p>Never another exception, and never more damage: what is written afterwards reaches what it is written to and nothing
 * else. An increment shows what was written; where the table of an expanded top is another one, the next backup reads all.
 */
public final class BitFlipRun {
    static final int CLUSTER = 32 * 1024;
    static final int CLUSTERS = 12;
    static final int DISK = CLUSTERS * CLUSTER;
    private static final int CHUNK = DeviceView.CHUNK_BYTES;
    private static final String IMAGE = "root.hdd";
    private static final HostIdentity HOST = new HostIdentity("host-a", "boot-1");

    private final Random random;
    private final UnaryOperator<ImageDirectory> program;
    private final SimulatedDisk disk = new SimulatedDisk();
    private final ImageDirectory folder;
    private final boolean qcow2;
    private final byte[] content = new byte[DISK];
    private final AlignedBuffer buffer = AlignedBuffer.allocate(DISK);
    private byte[] point = new byte[DISK];
    private @Nullable Checkpoint since;
    private int views;

    BitFlipRun(Random random, UnaryOperator<ImageDirectory> program) {
        this.random = random;
        this.program = program;
        // Bits rot without a new time of the file.
        this.folder = new TimesOnly(disk);
        this.qcow2 = random.nextInt(1_001) % 3 == 0;
    }

    /** One image, one bit. */
    public static void shortly(Random random) throws IOException {
        live(random, UnaryOperator.identity());
    }

    /** What became of it. */
    enum Outcome {
        REFUSED,
        FOUND,
        NOT_SEEN
    }

    static Outcome live(Random random, UnaryOperator<ImageDirectory> program) throws IOException {
        try (Scratch scratch = new Scratch()) {
            return new BitFlipRun(random, program).go(scratch);
        }
    }

    private Outcome go(Scratch scratch) throws IOException {
        CrashCount.one();
        firstLife(scratch);
        if (levelFiles().size() > 1 && random.nextInt(2) == 0) {
            breakOffAMerge();
        }
        List<FlippedBit> targets = FlippedBit.targets(disk, qcow2, levelFiles());
        FlippedBit hit = targets.get(random.nextInt(targets.size())).anyBit(random);
        hit.flip(disk);
        try {
            boolean found = isFound();
            AttachedImage image;
            try {
                image = attach();
            } catch (ImageException | FileSystemException e) {
                return Outcome.REFUSED;
            }
            return secondLife(scratch, image, hit, found);
        } catch (RuntimeException | AssertionError e) {
            throw new AssertionError(hit + ": " + e, e);
        }
    }

    /** A command that deletes the snapshot is killed on its way. */
    private void breakOffAMerge() throws IOException {
        MortalDirectory mortal = new MortalDirectory(folder);
        ChainFiles files = files(mortal);
        SnapshotOperations operations = new SnapshotOperations(this::newId);
        String snapshot = operations.list(files).stream()
                .filter(level -> !level.current())
                .findFirst()
                .orElseThrow()
                .guid();
        mortal.killAfter(random.nextInt(25));
        try {
            operations.delete(files, snapshot);
        } catch (Killed e) {
            disk.killAll();
        }
    }

    private List<String> levelFiles() {
        return disk.list().stream()
                .filter(name -> name.startsWith(IMAGE) && !name.contains("tidemark"))
                .toList();
    }

    private ChainFiles files(ImageDirectory in) throws IOException {
        return qcow2 ? OverlayTree.filesIn(in, IMAGE) : ChainFiles.in(in);
    }

    private AttachedImage attach() throws IOException {
        ChainFiles files = files(program.apply(folder));
        return AttachedImage.open(
                files, Use.READ_WRITE, new KeptState(), () -> {}, true, new OwnerRecord(HOST, 1), this::newId);
    }

    private UUID newId() {
        return new UUID(random.nextLong(), random.nextLong());
    }

    /** Some clusters written, a backup, some more written, sometimes a snapshot between; closed. */
    private void firstLife(Scratch scratch) throws IOException {
        if (qcow2) {
            try (ImageIo io = folder.create(IMAGE)) {
                Qcow2Format.create(io, new DeltaGeometry(DISK, CLUSTER), CreateOptions.USUAL);
            }
            folder.sync();
        } else {
            ExpandedVersion version = ExpandedVersion.values()[random.nextInt(2)];
            ChainFiles.create(folder, IMAGE, DISK, CLUSTER, new ExpandedLayout(version, false));
        }
        AttachedImage image = attach();
        write(image, 6, content);
        if (random.nextInt(3) == 0) {
            try (AttachedImage.Change change = image.beginChange(this::newId, ChainProgress.NONE)) {
                change.operations().create(image.files());
            }
        }
        write(image, 1, content);
        backup(scratch, image);
        write(image, 3, content);
        image.close();
    }

    private void write(AttachedImage image, int times, byte[] now) throws IOException {
        for (int i = 0; i < times; i++) {
            boolean whole = random.nextBoolean();
            int at = whole ? random.nextInt(CLUSTERS) * CLUSTER : random.nextInt(DISK / 512) * 512;
            int length = whole ? CLUSTER : Math.min((1 + random.nextInt(40)) * 512, DISK - at);
            byte[] bytes = new byte[length];
            random.nextBytes(bytes);
            buffer.bytes().put(0, bytes);
            image.write(at, buffer, 0, length);
            System.arraycopy(bytes, 0, now, at, length);
        }
        image.flush();
    }

    private byte[] read(AttachedImage image) throws IOException {
        byte[] found = new byte[DISK];
        image.read(0, buffer, 0, DISK);
        buffer.bytes().get(0, found);
        return found;
    }

    private boolean isFound() throws IOException {
        try {
            return ChainCheck.run(files(folder)).findings().stream()
                    .anyMatch(finding -> !(finding instanceof org.tidemark.ploop.check.Finding.LeakedClusters));
        } catch (ImageException | FileSystemException e) {
            return true;
        }
    }

    private boolean leaks() throws IOException {
        return ChainCheck.run(files(folder)).findings().stream()
                .anyMatch(finding -> finding instanceof org.tidemark.ploop.check.Finding.LeakedClusters);
    }

    private Outcome secondLife(Scratch scratch, AttachedImage image, FlippedBit hit, boolean found) throws IOException {
        try {
            if (image.sizeBytes() != DISK) {
                assertThat(hit.isDiskSize()).as("size " + image.sizeBytes()).isTrue();
                image.close();
                return Outcome.NOT_SEEN;
            }
            byte[] seen = read(image);
            boolean differs = false;
            for (int cluster = 0; cluster < CLUSTERS; cluster++) {
                int at = cluster * CLUSTER;
                if (Arrays.mismatch(
                                Arrays.copyOfRange(seen, at, at + CLUSTER),
                                Arrays.copyOfRange(content, at, at + CLUSTER))
                        >= 0) {
                    differs = true;
                    assertThat(hit.governs(cluster)
                                    || (found && (hides(hit, cluster) || hit.isSubclusters()))
                                    || ((hit.isL1Place() || hit.isSubclusters()) && leaks()))
                            .as("cluster " + cluster + " differs")
                            .isTrue();
                }
            }
            byte[] now = seen.clone();
            write(image, 8, now);
            requireSame(read(image), now, "after writing");
            backup(scratch, image);
            requireIncrement(now, hit, found, differs);
            image.close();
            image = attach();
            requireSame(read(image), now, "when attached once more");
            image.close();
            return found ? Outcome.FOUND : Outcome.NOT_SEEN;
        } catch (ImageException e) {
            // Found out by whoever needed what was hit: an answer.
            return Outcome.REFUSED;
        }
    }

    /** Whether the disk of the file that was hit ends before that cluster does. */
    private boolean hides(FlippedBit hit, int cluster) throws IOException {
        if (!hit.isDiskSize()) {
            return false;
        }
        try (ImageIo io = folder.open(hit.file(), OpenMode.READ_ONLY)) {
            return Qcow2Header.read(io).geometry().diskSizeBytes() < (cluster + 1L) * CLUSTER;
        }
    }

    private void requireIncrement(byte[] now, FlippedBit hit, boolean found, boolean differs) throws IOException {
        for (int at = 0; at < DISK; at += CHUNK) {
            int end = at + CHUNK;
            boolean same = Arrays.equals(point, at, end, now, at, end);
            boolean mayDiffer = differs
                    && hit.hidesFromIncrements()
                    && (hit.governs(at / CLUSTER)
                            || hit.governs(at / CLUSTER + 1)
                            || (found && (hides(hit, at / CLUSTER) || hides(hit, (at + CHUNK - 1) / CLUSTER)))
                            || hit.isL1Place()
                            || hit.isSubclusters());
            assertThat(same || mayDiffer).as("increment at " + at).isTrue();
        }
    }

    private static void requireSame(byte[] found, byte[] expected, String when) {
        int first = Arrays.mismatch(found, expected);
        assertThat(first).as("first byte that is another one " + when).isEqualTo(-1);
    }

    private void backup(Scratch scratch, AttachedImage image) throws IOException {
        ChangedBlockTracker tracker = image.device().tracker();
        assertThat(tracker).isNotNull();
        Instant.Wanted wanted =
                new Instant.Wanted(image.device(), "view-" + views++, "target", since, scratch.folder(), 1 << 22);
        DeviceView view = Instant.take(List.of(wanted), 1_000_000_000L).get(0);
        try {
            view.secure();
            byte[] next = view.interval().isFull() ? new byte[DISK] : point.clone();
            for (int offset = 0; offset < DISK; offset += CHUNK) {
                if (view.interval().mayHaveChanged(offset, CHUNK)) {
                    view.read(offset, buffer, 0, CHUNK);
                    buffer.bytes().get(0, next, offset, CHUNK);
                }
            }
            point = next;
            since = view.interval().end();
        } finally {
            view.close();
        }
        tracker.commit("target", Optional.ofNullable(since).orElseThrow());
    }
}
