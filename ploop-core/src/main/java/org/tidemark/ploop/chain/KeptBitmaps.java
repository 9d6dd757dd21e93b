package org.tidemark.ploop.chain;

import java.io.IOException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import org.tidemark.ploop.device.cbt.ChangedBlockTracker;
import org.tidemark.ploop.device.cbt.Checkpoint;
import org.tidemark.ploop.device.cbt.Interval;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.qcow2.Bitmap;
import org.tidemark.ploop.format.qcow2.BitmapContent;
import org.tidemark.ploop.format.qcow2.Qcow2Header;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * Keeps the persistent bitmaps of a qcow2 image current that must record every write. While the image is open for writing they
 * are marked in use in the file and say nothing; the changed-block tracker records for them, each being one of its consumers.
 * When the image is closed properly, what changed is added and they are stored again.
 *
 * <pre>
 *   open:   valid ones noted | marked in use, durable | tracker: a checkpoint for each | serve
 *   close:  disk flushed, image closed | for each: its bits and what the tracker knows, stored durably | checkpoint forgotten
 * </pre>
 *
 * <p>A successor of a killed process goes on with the same checkpoints. After anything else (power loss, another program, no
 * tracker) the bitmap stays marked in use: what is stored is a superset of the truth, or says nothing.
 */
final class KeptBitmaps {
    private static final String CONSUMER = "bitmap:";

    /** Targets of backups are consumers of the tracker, too. More bitmaps than this stay marked in use. */
    private static final int MAX_KEPT = 6;

    private KeptBitmaps() {}

    /** The bitmaps that are valid now and must record every write. Before the image is marked in use. */
    static List<String> valid(ChainFiles files) throws IOException {
        if (!OverlaySnapshots.concerns(files)) {
            return List.of();
        }
        ChainFiles.Link top = files.top();
        try (ImageIo io = top.directory().open(top.fileName(), OpenMode.READ_ONLY)) {
            Qcow2Header header = Qcow2Header.read(io);
            return header.dirty()
                    ? List.of()
                    : Bitmap.list(io, header).stream()
                            .filter(one -> (one.flags() & Bitmap.AUTO) != 0 && !one.inUse())
                            .map(Bitmap::name)
                            .toList();
        } catch (ImageException e) {
            // A directory that cannot be read is not kept; whoever opens the image says the rest.
            return List.of();
        }
    }

    /** What is written from now on is recorded for these bitmaps, and for no other. Nothing was written yet. */
    static void begin(ChangedBlockTracker tracker, List<String> names) throws IOException {
        forgetAll(tracker);
        for (String name : names.subList(0, Math.min(names.size(), MAX_KEPT))) {
            if (tracker.consumers().size() < ChangedBlockTracker.MAX_CONSUMERS) {
                Interval interval = tracker.begin(CONSUMER + name, null);
                tracker.commit(CONSUMER + name, interval.end());
            }
        }
    }

    private static void forgetAll(ChangedBlockTracker tracker) throws IOException {
        for (String consumer : tracker.consumers()) {
            if (consumer.startsWith(CONSUMER)) {
                tracker.forget(consumer);
            }
        }
    }

    /**
     * Stores what can be; durable on return. The image is closed, its lock is still held.
     *
     * @param cursor that of the device, for a successor if this process is killed now
     */
    static void store(ChainFiles files, ChangedBlockTracker tracker, AllocationCursor cursor) throws IOException {
        if (OverlaySnapshots.concerns(files)
                && tracker.consumers().stream().anyMatch(one -> one.startsWith(CONSUMER))) {
            ChainFiles.Link top = files.top();
            try (ImageIo io = top.directory().open(top.fileName(), OpenMode.READ_WRITE)) {
                for (String name : inUse(io)) {
                    store(io, name, tracker, cursor);
                }
            }
        }
        forgetAll(tracker);
    }

    private static List<String> inUse(ImageIo io) throws IOException {
        List<String> names = new ArrayList<>();
        for (Bitmap bitmap : Bitmap.list(io, Qcow2Header.read(io))) {
            if (bitmap.inUse() && (bitmap.flags() & Bitmap.AUTO) != 0) {
                names.add(bitmap.name());
            }
        }
        return names;
    }

    private static void store(ImageIo io, String name, ChangedBlockTracker tracker, AllocationCursor cursor)
            throws IOException {
        Optional<Checkpoint> since = tracker.committed(CONSUMER + name);
        if (since.isEmpty()) {
            return;
        }
        Interval interval = tracker.begin(CONSUMER + name, since.get());
        if (interval.isFull()) {
            return;
        }
        Qcow2Header header = Qcow2Header.read(io);
        Bitmap bitmap = Bitmap.list(io, header).stream()
                .filter(one -> one.name().equals(name))
                .findFirst()
                .orElseThrow();
        BitSet before = BitmapContent.bitsBefore(io, header, bitmap);
        int bits = bitmap.granularityBits();
        long diskBytes = header.geometry().diskSizeBytes();
        BitmapContent.store(
                io,
                cursor,
                name,
                bits,
                bitmap.flags() & ~Bitmap.IN_USE,
                granule -> before.get((int) granule)
                        || interval.mayHaveChanged(
                                granule << bits, Math.min(1L << bits, diskBytes - (granule << bits))));
    }
}
