package org.tidemark.ploop.chain;

import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.tidemark.ploop.device.Exchange;
import org.tidemark.ploop.device.MovableCursor;
import org.tidemark.ploop.device.PloopDevice;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaFormat;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.Formats;
import org.tidemark.ploop.format.raw.RawFormat;
import org.tidemark.ploop.io.ImageException;

/**
 * Makes the disk of an image in use larger, under its readers and writers.
 *
 * <pre>
 *   intent | [ nobody reads or writes: flush | the top's file gets the new size | descriptor replaced = COMMIT | device goes
 *   on with the new size ] | intent gone
 * </pre>
 *
 * The same steps as {@link ImageGrowth}, so a crash leaves the same: the old disk, or one whose descriptor follows at the next
 * attach. A successor of a killed process finds the size in the top's file and forgets what was kept for the old size, which
 * is all in the file.
 */
final class AttachedGrowth {
    private final PloopDevice device;
    private final AttachedChain chain;
    private final StateArea area;

    AttachedGrowth(PloopDevice device, AttachedChain chain, StateArea area) {
        this.device = device;
        this.chain = chain;
        this.area = area;
    }

    /**
     * The disk has at least so many bytes on return, durably; rounded up to whole clusters. Does nothing when it has that
     * size.
     *
     * @throws ImageException INVALID_REQUEST for a smaller disk or one that the format cannot have, UNSUPPORTED for a format
     *     whose disk cannot be changed while it is in use
     */
    long run(long wantedBytes) throws IOException {
        ChainFiles files = chain.files();
        int step = stepBytes(files);
        if (wantedBytes <= 0 || wantedBytes > Long.MAX_VALUE - step) {
            throw ImageGrowth.impossible(files, wantedBytes);
        }
        long size = (wantedBytes + step - 1) / step * step;
        if (size < device.sizeBytes()) {
            throw ImageGrowth.smaller(files, device.sizeBytes());
        }
        if (size == device.sizeBytes()) {
            return size;
        }
        if (files.descriptor().isEmpty()) {
            device.grow(AttachedChain.DRAIN_LIMIT_NANOS, size, () -> growTop(files, size, Optional.empty()));
            return size;
        }
        try (Closeable tree = ChainSteps.lockTree(files.directory())) {
            ChainSteps.suspend(files.directory());
            ChainSteps.plainFile(
                    files.directory(),
                    files.descriptor().get().imageOf(top(files.descriptor().get())));
            ChainIntent.resize(size).write(files.directory());
            DiskDescriptor changed = files.descriptor().get().withDiskSize(size);
            try {
                device.grow(AttachedChain.DRAIN_LIMIT_NANOS, size, () -> growTop(files, size, Optional.of(changed)));
            } finally {
                ChainSteps.suspend(files.directory());
            }
        }
        return size;
    }

    private static DiskDescriptor.Shot top(DiskDescriptor descriptor) throws ImageException {
        return descriptor.requireShot(descriptor.topGuid());
    }

    private int stepBytes(ChainFiles files) {
        boolean loneRaw = files.descriptor().isEmpty() && files.top().formatId().equals(RawFormat.ID);
        return loneRaw ? ImageGrowth.RAW_STEP_BYTES : device.clusterSizeBytes();
    }

    private Exchange.Next growTop(ChainFiles files, long size, Optional<DiskDescriptor> changed) throws IOException {
        List<Delta> deltas = new ArrayList<>(device.deltas());
        Delta present = deltas.remove(deltas.size() - 1);
        DeltaFormat format = Formats.byId(present.format());
        boolean[] committed = {false};
        MovableCursor cursor = new MovableCursor();
        try {
            format.growOpen(
                    present.io(),
                    new DeltaGeometry(size, device.clusterSizeBytes()),
                    PloopDevice.cursor(area),
                    () -> committed[0] = true);
            committed[0] = true;
            deltas.add(openGrown(files, cursor));
            if (changed.isPresent()) {
                chain.commit(changed.get());
            }
        } catch (IOException | RuntimeException e) {
            if (committed[0]) {
                device.stopWriting(e);
            }
            throw e;
        }
        return new Exchange.Next(deltas, AttachedChain.idOf(files), cursor, List.of(present));
    }

    private Delta openGrown(ChainFiles files, AllocationCursor cursor) throws IOException {
        return ImageChain.openLink(files.top(), OpenIntent.RECOVER, files.clusterSizeBytes(), cursor);
    }
}
