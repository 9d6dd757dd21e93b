package org.tidemark.ploop.chain;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.contract.ChainDisk;
import org.tidemark.ploop.contract.TestBytes;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.sim.SimulatedDisk;

/** A small image with a tree of snapshots on a simulated disk, and what each level must hold. */
final class SnapshotTree {
    static final int CLUSTER = 32768;
    static final int CLUSTERS = 8;
    private static final int DISK = CLUSTERS * CLUSTER;

    final SimulatedDisk disk;
    final Map<String, byte[]> contents = new LinkedHashMap<>();
    private final Random random;
    private byte[] current = new byte[DISK];

    /** A tree like another one, on a twin of its disk. */
    SnapshotTree(Random random, SnapshotTree like, SimulatedDisk disk) {
        this.random = random;
        this.disk = disk;
        this.contents.putAll(like.contents);
        this.current = like.current;
    }

    SnapshotTree(Random random) throws IOException {
        this.random = random;
        this.disk = new SimulatedDisk();
        ChainFiles.create(disk, "root.hdd", DISK, CLUSTER);
    }

    SnapshotOperations operations() {
        return new SnapshotOperations(() -> new UUID(random.nextLong(), random.nextLong()));
    }

    /** Writes into a few clusters of the top: data, and zeros over what is below. */
    void write() throws IOException {
        try (ChainDisk chain = ChainDisk.open(ChainFiles.in(disk), OpenIntent.WRITE)) {
            for (int i = 0; i < 3; i++) {
                int length = 1 + random.nextInt(2 * CLUSTER);
                int at = random.nextInt(DISK - length);
                byte[] bytes = random.nextInt(4) == 0 ? new byte[length] : TestBytes.random(random, length);
                chain.write(at, bytes);
                System.arraycopy(bytes, 0, current, at, length);
            }
        }
        contents.put(Guid.TOP, current.clone());
    }

    String snapshot() throws IOException {
        String guid = operations().create(ChainFiles.in(disk));
        contents.put(guid, current.clone());
        contents.put(Guid.TOP, current.clone());
        return guid;
    }

    void switchTo(String guid) throws IOException {
        operations().switchTo(ChainFiles.in(disk), guid);
        current = contents.get(guid).clone();
        contents.put(Guid.TOP, current.clone());
    }

    /** What stands in a folder after whatever happened is a tree whose levels hold what they must, and nothing else. */
    static void check(ImageDirectory folder, Map<String, byte[]> contents) throws IOException {
        DiskDescriptor descriptor = DiskDescriptor.read(folder);
        for (DiskDescriptor.Shot shot : descriptor.shots()) {
            if (shot.temporary()) {
                continue;
            }
            assertThat(contents).containsKey(shot.guid());
            ChainFiles files = shot.guid().equals(descriptor.topGuid())
                    ? ChainFiles.in(folder)
                    : ChainFiles.level(folder, descriptor, shot.guid());
            try (ChainDisk chain = ChainDisk.open(files, OpenIntent.READ)) {
                byte[] found = chain.read(0, DISK);
                if (!Arrays.equals(found, contents.get(shot.guid()))) {
                    throw new AssertionError("level " + shot.guid() + " changed from byte "
                            + Arrays.mismatch(found, contents.get(shot.guid())) + " on");
                }
            }
        }
    }

    /** Every file is named, and every file is sound. */
    static void checkTidy(ImageDirectory folder) throws IOException {
        DiskDescriptor descriptor = DiskDescriptor.read(folder);
        Set<String> expected = new HashSet<>(List.of(DiskDescriptor.FILE_NAME, DiskDescriptor.FILE_NAME + ".lck"));
        descriptor.images().forEach(image -> expected.add(image.file()));
        List<String> found = new ArrayList<>(folder.list());
        // A text that was being written; the next one replaces it.
        found.remove(DiskDescriptor.FILE_NAME + ".tmp");
        assertThat(expected).containsAll(found);
        for (DiskDescriptor.Shot shot : descriptor.shots()) {
            if (!shot.temporary()) {
                assertThat(ChainCheck.run(ChainFiles.level(folder, descriptor, shot.guid()))
                                .findings())
                        .isEmpty();
            }
        }
    }
}
