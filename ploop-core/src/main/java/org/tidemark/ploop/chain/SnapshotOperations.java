package org.tidemark.ploop.chain;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.function.Supplier;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/** Snapshots of an image that is not attached: only files change. */
public final class SnapshotOperations {
    /** As many as every other tool can read. */
    private static final int MAX_DELTAS = 126;

    private final Supplier<UUID> newIds;

    /** {@code newIds} gives names that nobody has used, usually {@code UUID::randomUUID}. */
    public SnapshotOperations(Supplier<UUID> newIds) {
        this.newIds = newIds;
    }

    /** One level of the tree. */
    public record Snapshot(String guid, String parentGuid, String file, boolean current) {}

    /**
     * Freezes the present content and puts a new, empty delta on top. Returns the snapshot's name.
     *
     * <ol>
     *   <li>The new delta is made and synced, and its name. Crash here: a file that nobody names.
     *   <li>The descriptor is replaced. This is the commit point.
     * </ol>
     */
    public String create(ChainFiles files) throws IOException {
        DiskDescriptor descriptor = files.descriptor()
                .orElseThrow(() -> new ImageException(
                        ImageException.Kind.UNSUPPORTED,
                        files.name()
                                + ": a lone file has no place for snapshots; they need a folder with a descriptor"));
        try (ChainLocks locks = ChainLocks.take(files, true)) {
            if (!Arrays.equals(DiskDescriptor.read(files.directory()).serialise(), descriptor.serialise())) {
                throw new ImageException(
                        ImageException.Kind.IN_USE,
                        files.name() + ": somebody changed the snapshots just now; try again");
            }
            requireQuiet(files, locks);
            String snapshotGuid = Guid.of(newIds.get());
            String newFile = files.links().get(0).fileName() + "." + Guid.of(newIds.get());
            DiskDescriptor changed = descriptor.withSnapshot(snapshotGuid, newFile);
            commit(files.directory(), newFile, changed);
            return snapshotGuid;
        }
    }

    /** The top must have been closed, and a raw base must end with a cluster. */
    private static void requireQuiet(ChainFiles files, ChainLocks locks) throws IOException {
        if (locks.locks().size() >= MAX_DELTAS) {
            throw new ImageException(
                    ImageException.Kind.INVALID_REQUEST,
                    files.name() + ": has " + locks.locks().size() + " levels, more are not possible; merge some");
        }
        try (ImageChain chain = ImageChain.open(files, OpenIntent.WRITE, AllocationCursor.transientCursor())) {
            DeltaGeometry geometry = chain.top().geometry();
            if (chain.top().identityMapped() && geometry.diskSizeBytes() % geometry.clusterSizeBytes() != 0) {
                throw new ImageException(
                        ImageException.Kind.UNSUPPORTED,
                        files.name() + ": a raw image of " + geometry.diskSizeBytes()
                                + " bytes does not end with a cluster of " + geometry.clusterSizeBytes());
            }
        }
    }

    private static void commit(ImageDirectory directory, String newFile, DiskDescriptor changed) throws IOException {
        ImageIo io = directory.create(newFile);
        try (io) {
            new ExpandedFormat().create(io, changed.geometry());
        } catch (IOException e) {
            directory.delete(newFile);
            throw e;
        }
        directory.sync();
        changed.store(directory);
    }

    /** All levels, as the descriptor lists them. */
    public static List<Snapshot> list(DiskDescriptor descriptor) throws ImageException {
        List<Snapshot> snapshots = new ArrayList<>();
        for (DiskDescriptor.Shot shot : descriptor.shots()) {
            List<DiskDescriptor.Image> path = descriptor.pathTo(shot.guid());
            snapshots.add(new Snapshot(
                    shot.guid(),
                    shot.parentGuid(),
                    path.get(path.size() - 1).file(),
                    shot.guid().equals(descriptor.topGuid())));
        }
        return snapshots;
    }
}
