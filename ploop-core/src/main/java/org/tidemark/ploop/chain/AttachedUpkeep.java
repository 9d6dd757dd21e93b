package org.tidemark.ploop.chain;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.chain.ChainFiles.Link;
import org.tidemark.ploop.device.ChainBinding;
import org.tidemark.ploop.device.Exchange;
import org.tidemark.ploop.device.MovableCursor;
import org.tidemark.ploop.device.PloopDevice;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.device.cbt.ChangedBlockTracker;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.io.ImageException;

/**
 * What is done to the files of an image in use while nobody reads or writes it, in pauses.
 *
 * <pre>
 *   compact:  [ flush | clusters moved into holes, durable | entries, durable | file cut, closed, durable | marked in use |
 *             map forgotten ], again and again
 *   repair:   [ flush | top closed | state area unbound | files mended, each with an undo file first | opened again, marked in
 *             use | state area bound ]
 * </pre>
 *
 * A process killed while it compacts leaves what one leaves that was killed while it closed the image. One killed while it
 * repairs leaves an image that was not closed, with some of its faults and no state of a device: its successor opens it as
 * after a crash, and the repair is started again.
 */
final class AttachedUpkeep {
    private final PloopDevice device;
    private final HeldLocks locks;
    private final StateArea area;
    private final ChainFiles files;

    AttachedUpkeep(PloopDevice device, HeldLocks locks, StateArea area, ChainFiles files) {
        this.device = device;
        this.locks = locks;
        this.area = area;
        this.files = files;
    }

    private Delta top() {
        List<Delta> deltas = device.deltas();
        return deltas.get(deltas.size() - 1);
    }

    /** One pause; false when there is nothing more to move. */
    boolean compact(long maxMoveBytes) throws IOException {
        top().prepareShrink();
        boolean[] moved = {false};
        device.exchangeUnread(AttachedChain.DRAIN_LIMIT_NANOS, () -> {
            try {
                moved[0] = device.shrinkTop(maxMoveBytes);
                top().markClosed();
                top().markInUse();
            } catch (IOException | RuntimeException e) {
                device.stopWriting(e);
                throw e;
            }
            return new Exchange.Next(
                    device.deltas(), AttachedChain.idOf(files), MovableCursor.ofPresentTop(area), List.of());
        });
        return moved[0];
    }

    /** Mends files in one pause; the device goes on also when {@code work} fails. */
    void repair(List<Link> below, FileWork work) throws IOException {
        requireNoViews();
        List<Link> exclusive = new ArrayList<>();
        @Nullable IOException[] failure = {null};
        try {
            for (Link link : below) {
                locks.convert(link, true);
                exclusive.add(link);
            }
            device.exchangeUnread(AttachedChain.DRAIN_LIMIT_NANOS, () -> {
                // One may have been opened meanwhile; now none can.
                requireNoViews();
                failure[0] = mend(work);
                return reopened();
            });
        } finally {
            for (Link link : exclusive) {
                locks.convert(link, false);
            }
        }
        IOException failed = failure[0];
        if (failed != null) {
            throw failed;
        }
    }

    private void requireNoViews() throws ImageException {
        if (!device.views().isEmpty()) {
            throw new ImageException(
                    ImageException.Kind.IN_USE, files.name() + ": a backup is reading it; repair it when that is done");
        }
    }

    private @Nullable IOException mend(FileWork work) throws IOException {
        ChangedBlockTracker tracker = device.tracker();
        if (tracker != null) {
            // What reads otherwise afterwards is not known: the next backup reads everything.
            tracker.mark(0, device.sizeBytes());
        }
        try {
            top().markClosed();
        } catch (IOException e) {
            device.stopWriting(e);
            throw e;
        }
        ChainBinding.unbind(area);
        try {
            work.run(files);
            return null;
        } catch (IOException e) {
            return e;
        } catch (RuntimeException e) {
            // The file says that it is closed, and nobody opens it anew.
            device.stopWriting(e);
            throw e;
        }
    }

    private Exchange.Next reopened() throws IOException {
        MovableCursor cursor = new MovableCursor();
        ImageChain chain = null;
        try {
            chain = opened(cursor);
            chain.top().markInUse();
            return new Exchange.Next(chain.deltas(), AttachedChain.idOf(files), cursor, device.deltas());
        } catch (IOException | RuntimeException e) {
            device.stopWriting(e);
            if (chain != null) {
                chain.close();
            }
            throw e;
        }
    }

    /** A repair that was broken off leaves its mark. */
    private ImageChain opened(MovableCursor cursor) throws IOException {
        try {
            return ImageChain.open(files, OpenIntent.WRITE, cursor);
        } catch (ImageException e) {
            if (e.kind() != ImageException.Kind.NOT_CLOSED) {
                throw e;
            }
            return ImageChain.open(files, OpenIntent.RECOVER, cursor);
        }
    }
}
