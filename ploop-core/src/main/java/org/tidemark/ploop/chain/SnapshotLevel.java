package org.tidemark.ploop.chain;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.tidemark.ploop.chain.ChainFiles.Link;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.format.expanded.ExpandedVersion;
import org.tidemark.ploop.format.qcow2.CreateOptions;
import org.tidemark.ploop.format.qcow2.Qcow2Format;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageIo;

/**
 * One level of an image beside its origin, with a throw-away delta above it: a file system that was not frozen replays its
 * journal there, and the level itself is only read. The files of the level stay locked for others to read, so that nobody
 * merges or deletes one of them meanwhile.
 */
public final class SnapshotLevel {
    static final String PREFIX = "tidemark-overlay-";

    private SnapshotLevel() {}

    /**
     * The files of a level with a fresh overlay above them, which is durable on return. What an earlier one of that name
     * left behind is replaced.
     *
     * @param level of the image, as {@link AttachedImage#levelOf} or {@link NfsImage#level} tells
     * @param overlayName tells this overlay from others of the same image
     */
    public static ChainFiles withOverlay(ChainFiles level, String overlayName) throws IOException {
        String overlay = PREFIX + overlayName;
        ImageDirectory folder = level.directory();
        if (folder.exists(overlay)) {
            folder.lock(overlay, true).close();
            folder.delete(overlay);
        }
        DeltaGeometry geometry;
        try (ImageChain chain = ImageChain.open(level, OpenIntent.READ, AllocationCursor.transientCursor())) {
            ChainSteps.requireWholeClusters(level.name(), chain.top());
            geometry = chain.top().geometry();
        }
        if (ofQcow2(level)) {
            try (ImageIo io = folder.create(overlay)) {
                Qcow2Format.create(
                        io,
                        geometry,
                        CreateOptions.USUAL.withBacking(level.top().fileName(), Qcow2Format.ID));
            }
            folder.sync();
        } else {
            ChainSteps.makeDelta(folder, overlay, geometry, ExpandedVersion.V2);
        }
        return under(level, overlay);
    }

    /** The same as a predecessor left it. */
    public static ChainFiles withKeptOverlay(ChainFiles level, String overlayName) {
        return under(level, PREFIX + overlayName);
    }

    private static boolean ofQcow2(ChainFiles level) {
        return level.top().formatId().equals(Qcow2Format.ID);
    }

    private static ChainFiles under(ChainFiles level, String overlay) {
        List<Link> links = new ArrayList<>(level.links());
        links.add(new Link(level.directory(), overlay, ofQcow2(level) ? Qcow2Format.ID : ExpandedFormat.ID));
        return new ChainFiles(
                level.name(), level.directory(), List.copyOf(links), Optional.empty(), level.clusterSizeBytes());
    }

    /** The locks of such files; with the last one goes the overlay. */
    public static HeldLocks throwingAway(ChainFiles files, HeldLocks locks) {
        return () -> {
            try (locks) {
                Link overlay = files.top();
                // Its name is this device's alone; and with the lock held, what tells of it would stay on an NFS
                // server.
                locks.remove(overlay);
                if (overlay.directory().exists(overlay.fileName())) {
                    overlay.directory().delete(overlay.fileName());
                }
            }
        };
    }
}
