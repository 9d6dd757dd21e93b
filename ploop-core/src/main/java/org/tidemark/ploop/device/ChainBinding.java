package org.tidemark.ploop.device;

import java.io.IOException;
import java.lang.invoke.VarHandle;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;

/**
 * Says which chain the cluster map and the allocation cursor in a state area belong to. A successor that finds another chain
 * in the descriptor must not use them: levels are numbered anew, and the cursor is another file's.
 *
 * <pre>
 * region "chain", 4096 bytes
 *   0  u64 0: written by a version that never changed a chain; 1: bound; 2: being bound, nothing here can be used
 *   8  SHA-256 of the chain's name
 *  40  u64 size of the disk, which decides how large map and free clusters are; 0: written by a version that never grew one
 *  48  u64 bytes of a cluster, which decide it too; 0: written by a version that never changed them
 * </pre>
 */
public final class ChainBinding {
    private static final String REGION = "chain";
    /** What a top remembers of its free clusters, see {@link PloopDevice#cursor}. */
    private static final String FREE_REGION = "cursor.free";

    private static final int REGION_BYTES = 4096;
    private static final int HASH_BYTES = 32;
    private static final int SIZE_AT = 40;
    private static final int CLUSTER_AT = 48;
    private static final long UNKNOWN = 0;
    private static final long BOUND = 1;
    private static final long BINDING = 2;

    private ChainBinding() {}

    /** Whether what a predecessor left in the area belongs to the chain of that name with such a disk. */
    public static boolean holds(StateArea area, String chainId, DeltaGeometry geometry) throws IOException {
        AlignedBuffer region = area.region(REGION, REGION_BYTES);
        long state = region.getLong(0);
        if (state == UNKNOWN) {
            return true;
        }
        byte[] found = new byte[HASH_BYTES];
        region.bytes().get(8, found);
        return state == BOUND
                && Arrays.equals(found, hash(chainId))
                && boundGeometry(region, geometry).equals(geometry);
    }

    /** What the disk was when the area was bound; as {@code otherwise} where the area does not say. */
    private static DeltaGeometry boundGeometry(AlignedBuffer region, DeltaGeometry otherwise) {
        long size = region.getLong(SIZE_AT);
        long clusterBytes = region.getLong(CLUSTER_AT);
        return new DeltaGeometry(
                size == 0 ? otherwise.diskSizeBytes() : size,
                clusterBytes == 0 ? otherwise.clusterSizeBytes() : Math.toIntExact(clusterBytes));
    }

    /**
     * Forgets a map and a cursor that belong to another chain. They may be forgotten because a chain is exchanged only
     * when everything in the map is in the file; anything else is refused. The area is of no use to a successor before
     * {@link #adopt}.
     *
     * @param geometry of the chain, as it is now; the disk may have been another when the area was bound
     */
    public static void forgetForeign(StateArea area, String name, DeltaGeometry geometry) throws IOException {
        AlignedBuffer region = area.region(REGION, REGION_BYTES);
        long clusters = boundGeometry(region, geometry).clusters();
        boolean bound = region.getLong(0) == BOUND;
        if (bound && ClusterMap.hasChangedPages(area, clusters, PloopDevice.DEFAULT_MAP_SLOTS)) {
            throw new ImageException(
                    ImageException.Kind.SUSPECT,
                    name + ": the snapshots were changed from outside while it was attached, and what was written last"
                            + " cannot be placed; detach it and check the image");
        }
        unbind(area);
        ClusterMap.forget(area);
        area.drop(FREE_REGION);
    }

    /**
     * What is in the area counts no more: a successor opens the files as after a crash. Before the files are changed by
     * somebody who does not know the area; everything in it is in the files.
     */
    public static void unbind(StateArea area) throws IOException {
        area.region(REGION, REGION_BYTES).putLong(0, BINDING);
        VarHandle.fullFence();
    }

    /** Binds the area to another chain: the map begins anew, the cursor is the new top's. */
    static void bind(StateArea area, String chainId, DeltaGeometry geometry, MovableCursor cursor) throws IOException {
        long value = cursor.get();
        unbind(area);
        ClusterMap.forget(area);
        if (!cursor.moved()) {
            // What is known of the old top's free clusters is true of no other file.
            area.drop(FREE_REGION);
        }
        cursor.moveTo(PloopDevice.cursor(area), value);
        adopt(area, chainId, geometry);
    }

    /** Map and cursor are this chain's from now on. */
    public static void adopt(StateArea area, String chainId, DeltaGeometry geometry) throws IOException {
        AlignedBuffer region = area.region(REGION, REGION_BYTES);
        region.bytes().put(8, hash(chainId));
        region.putLong(SIZE_AT, geometry.diskSizeBytes());
        region.putLong(CLUSTER_AT, geometry.clusterSizeBytes());
        VarHandle.fullFence();
        region.putLong(0, BOUND);
    }

    private static byte[] hash(String chainId) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(chainId.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }
}
