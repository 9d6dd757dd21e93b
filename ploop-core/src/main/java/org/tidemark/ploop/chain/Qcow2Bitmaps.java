package org.tidemark.ploop.chain;

import java.io.IOException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import org.tidemark.ploop.device.cbt.ChangedBlockTracker;
import org.tidemark.ploop.device.cbt.Interval;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.qcow2.Bitmap;
import org.tidemark.ploop.format.qcow2.BitmapContent;
import org.tidemark.ploop.format.qcow2.Qcow2Header;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * The persistent bitmaps of a qcow2 image that must record every write. While the image is open for writing they are marked
 * in use in the file and say nothing.
 *
 * <pre>
 *   open:   valid ones noted | marked in use, durable | tracker: a checkpoint for each | serve
 *   close:  disk flushed, image closed | for each: its bits and what the tracker knows, stored durably | checkpoint forgotten
 * </pre>
 *
 * <p>A successor of a killed process goes on with the same checkpoints. After anything else (power loss, another program, no
 * tracker) the bitmap stays marked in use: what is stored is a superset of the truth, or says nothing.
 */
final class Qcow2Bitmaps implements KeptBitmaps {
    private Optional<List<String>> valid = Optional.empty();

    @Override
    public void note(ChainFiles files, boolean successor) throws IOException {
        valid = successor ? Optional.empty() : Optional.of(valid(files.top()));
    }

    private static List<String> valid(ChainFiles.Link top) throws IOException {
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

    @Override
    public void begin(ChangedBlockTracker tracker) throws IOException {
        if (valid.isPresent()) {
            BitmapConsumers.begin(tracker, valid.get());
        }
    }

    @Override
    public void beforeClose(Delta top, ChangedBlockTracker tracker) {
        // They are stored in an image that is closed.
    }

    @Override
    public void afterClose(ChainFiles files, ChangedBlockTracker tracker, AllocationCursor cursor) throws IOException {
        if (BitmapConsumers.any(tracker)) {
            ChainFiles.Link top = files.top();
            try (ImageIo io = top.directory().open(top.fileName(), OpenMode.READ_WRITE)) {
                for (String name : inUse(io)) {
                    store(io, name, tracker, cursor);
                }
            }
        }
        BitmapConsumers.forgetAll(tracker);
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
        Optional<Interval> changes = BitmapConsumers.changes(tracker, name);
        if (changes.isEmpty()) {
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
                        || changes.get()
                                .mayHaveChanged(granule << bits, Math.min(1L << bits, diskBytes - (granule << bits))));
    }
}
