package org.tidemark.ploop.chain;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.tidemark.ploop.chain.AttachedImage.Use;
import org.tidemark.ploop.device.KeptState;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.expanded.StoredBitmap;
import org.tidemark.ploop.format.expanded.StoredBitmaps;
import org.tidemark.ploop.format.qcow2.Bitmap;
import org.tidemark.ploop.format.qcow2.BitmapContent;
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
 * The life of an image with a bitmap that another program stored: attached, written to, killed, taken over, cut off, grown,
 * given snapshots, detached. At every moment the bitmap shows at least what was written since it was made, or nobody would
 * believe it.
 */
public final class KeptBitmapsRun {
    private static final int GRANULE = 4096;
    private static final int MOST_BYTES = 4 << 20;
    private static final HostIdentity HOST = new HostIdentity("host-a", "boot-1");

    private final Kind kind;
    private final Random random;
    private final UnaryOperator<ImageDirectory> program;
    private final BitSet written = new BitSet();
    private final AlignedBuffer buffer = AlignedBuffer.allocate(MOST_BYTES);
    private final Supplier<UUID> ids;
    private boolean untold;
    private SimulatedDisk disk = new SimulatedDisk();
    private KeptState area = new KeptState();
    private MortalDirectory process = new MortalDirectory(disk);
    private AttachedImage image;
    private int valid;

    /** An image of one format. */
    interface Kind {
        void create(SimulatedDisk disk) throws IOException;

        ChainFiles files(ImageDirectory folder) throws IOException;

        /** A name that a bitmap may have. */
        String bitmap();

        /** What the first bitmap of the closed image says; empty when nobody would believe it, or there is none. */
        Optional<BitSet> said(ImageIo top) throws IOException;

        /** Whether snapshots and size are changed too. */
        boolean changes();
    }

    static final Kind QCOW2 = new Kind() {
        private static final String IMAGE = "disk";

        @Override
        public void create(SimulatedDisk disk) throws IOException {
            try (ImageIo io = disk.create(IMAGE)) {
                Qcow2Format.create(io, new DeltaGeometry(1 << 20, 4096), CreateOptions.USUAL);
            }
            disk.sync();
        }

        @Override
        public ChainFiles files(ImageDirectory folder) throws IOException {
            return OverlayTree.filesIn(folder, IMAGE);
        }

        @Override
        public String bitmap() {
            return "b";
        }

        @Override
        public Optional<BitSet> said(ImageIo top) throws IOException {
            Qcow2Header header = Qcow2Header.read(top);
            Optional<Bitmap> bitmap = Bitmap.list(top, header).stream().findFirst();
            return bitmap.isEmpty() || bitmap.get().inUse()
                    ? Optional.empty()
                    : Optional.of(BitmapContent.bitsBefore(top, header, bitmap.get()));
        }

        @Override
        public boolean changes() {
            return false;
        }
    };

    static final Kind EXPANDED = new Kind() {
        private static final int CLUSTER = 32 * 1024;

        @Override
        public void create(SimulatedDisk disk) throws IOException {
            ChainFiles.create(disk, "root.hds", 1 << 20, CLUSTER);
        }

        @Override
        public ChainFiles files(ImageDirectory folder) throws IOException {
            return ChainFiles.in(folder);
        }

        @Override
        public String bitmap() {
            return "e4f2eed0-37fe-4539-b50b-85d2e7fd235f";
        }

        @Override
        public Optional<BitSet> said(ImageIo top) throws IOException {
            return StoredBitmaps.read(top).stream().findFirst().map(StoredBitmap::dirty);
        }

        @Override
        public boolean changes() {
            return true;
        }
    };

    KeptBitmapsRun(Kind kind, Random random, UnaryOperator<ImageDirectory> program) throws IOException {
        this.kind = kind;
        this.random = random;
        this.program = program;
        this.ids = () -> new UUID(random.nextLong(), random.nextLong());
        kind.create(disk);
        makeBitmap();
        this.image = attach(Use.READ_WRITE);
    }

    /** A short life for many seeds. */
    public static void shortly(Random random) throws IOException {
        new KeptBitmapsRun(EXPANDED, random, UnaryOperator.identity()).go(6 + random.nextInt(14));
    }

    /** From now on what is written is told to nobody. */
    KeptBitmapsRun untold() {
        untold = true;
        return this;
    }

    /** How often the bitmap was valid after detaching. */
    int go(int steps) throws IOException {
        for (int step = 0; step < steps; step++) {
            try {
                step();
            } catch (Killed e) {
                die();
            }
        }
        return valid;
    }

    private void makeBitmap() throws IOException {
        ChainFiles files = kind.files(disk);
        for (PersistentBitmaps.Found old : PersistentBitmaps.list(files)) {
            PersistentBitmaps.remove(files, old.name());
        }
        PersistentBitmaps.add(files, kind.bitmap(), GRANULE, true);
        written.clear();
    }

    private AttachedImage attach(Use use) throws IOException {
        process = new MortalDirectory(program.apply(disk));
        return AttachedImage.open(kind.files(process), use, area, () -> {}, true, new OwnerRecord(HOST, 1), ids);
    }

    private void step() throws IOException {
        switch (random.nextInt(kind.changes() ? 16 : 12)) {
            case 0 -> {
                process.killAfter(random.nextInt(40));
                detach();
            }
            case 1, 2 -> detach();
            case 3 -> die();
            case 4 -> image.flush();
            case 12, 13 -> {
                if (random.nextInt(3) == 0) {
                    process.killAfter(random.nextInt(60));
                }
                changeAttached();
                process.spare();
            }
            default -> write();
        }
    }

    private void changeAttached() throws IOException {
        try (AttachedImage.Change change = image.beginChange(ids, ChainProgress.NONE)) {
            ChainFiles files = image.files();
            switch (random.nextInt(3)) {
                case 0 -> mergeAttached(change, files);
                case 1 -> change.grow(Math.min(MOST_BYTES, image.sizeBytes() + (1 + random.nextInt(8)) * 65536L));
                default -> {
                    if (files.links().size() < 4) {
                        change.operations().create(files);
                    }
                }
            }
        }
    }

    /** Levels from before the disk became larger are merged while it is not attached. */
    private static void mergeAttached(AttachedImage.Change change, ChainFiles files) throws IOException {
        try {
            change.operations().mergeAll(files);
        } catch (ImageException e) {
            assertThat(e).hasMessageContaining("detach the image, then");
        }
    }

    private void changeDetached() throws IOException {
        ChainFiles files = kind.files(disk);
        SnapshotOperations operations = new SnapshotOperations(ids);
        switch (random.nextInt(3)) {
            case 0 -> operations.mergeAll(files);
            case 1 ->
                ImageGrowth.run(files, Math.min(MOST_BYTES, image.sizeBytes() + (1 + random.nextInt(8)) * 65536L));
            default -> {
                if (files.links().size() < 4) {
                    operations.create(files);
                }
            }
        }
    }

    private void write() throws IOException {
        int size = (int) image.sizeBytes();
        int offset = random.nextInt(size / 512) * 512;
        int length = Math.min((1 + random.nextInt(40)) * 512, size - offset);
        written.set(offset / GRANULE, (offset + length - 1) / GRANULE + 1);
        if (untold) {
            return;
        }
        if (random.nextInt(4) == 0) {
            image.discard(offset, length);
        } else {
            image.write(offset, buffer, 0, length);
        }
    }

    private void detach() throws IOException {
        image.close();
        process.spare();
        boolean says = check(disk);
        valid += says ? 1 : 0;
        if (kind.changes() && random.nextInt(3) == 0) {
            changeDetached();
            assertThat(check(disk)).as("a change of the closed image keeps it").isEqualTo(says);
        }
        if (!says && random.nextBoolean()) {
            // Somebody begins anew.
            makeBitmap();
        }
        area = new KeptState();
        image = attach(Use.READ_WRITE);
    }

    private void die() throws IOException {
        CrashCount.one();
        check(disk.crash(random));
        if (random.nextBoolean()) {
            area = area.successor();
            image = attach(Use.TAKE_OVER);
        } else {
            disk = disk.crash(random);
            check(disk);
            area = new KeptState();
            image = attach(Use.READ_WRITE);
        }
    }

    /** Whether the bitmap says anything; if so it says enough. */
    private boolean check(SimulatedDisk now) throws IOException {
        List<ChainFiles.Link> links = kind.files(now).links();
        try (ImageIo io = now.open(links.get(links.size() - 1).fileName(), OpenMode.READ_ONLY)) {
            Optional<BitSet> said = kind.said(io);
            if (said.isEmpty()) {
                return false;
            }
            BitSet missing = (BitSet) written.clone();
            missing.andNot(said.get());
            assertThat(missing.cardinality())
                    .as("granules that were written to and are not told")
                    .isZero();
            return true;
        }
    }
}
