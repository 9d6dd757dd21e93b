package org.tidemark.ploop.chain;

import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.tidemark.ploop.device.PloopDevice;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.Formats;
import org.tidemark.ploop.format.qcow2.Qcow2Format;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.ObservedIo;

/**
 * The open deltas of an image, checked against each other: one cluster size, no delta larger than the one above it, the top
 * as large as the descriptor says. Takes no locks (see {@link ChainLocks}) and sets no mark.
 */
public final class ImageChain implements Closeable {
    private final List<Delta> deltas;

    private ImageChain(List<Delta> deltas) {
        this.deltas = deltas;
    }

    /** Opens the top with {@code intent} and everything below it for reading. Closes what it opened when it throws. */
    public static ImageChain open(ChainFiles files, OpenIntent intent, AllocationCursor cursor) throws IOException {
        if (BackingChain.concerns(files)) {
            return new ImageChain(BackingChain.open(files, intent, cursor, Optional.empty()));
        }
        ImageChain chain = new ImageChain(new ArrayList<>());
        try {
            for (ChainFiles.Link link : files.links()) {
                boolean top = link.equals(files.top());
                chain.deltas.add(openLink(
                        link, top ? intent : OpenIntent.READ, files.clusterSizeBytes(), top ? cursor : noCursor()));
            }
            chain.requireConsistent(files);
            return chain;
        } catch (IOException | RuntimeException e) {
            chain.closeAfter(e);
            throw e;
        }
    }

    /**
     * Opens a qcow2 image for reading as it was at an internal snapshot.
     *
     * @param idOrName id of the snapshot, or its name
     * @throws ImageException of kind INVALID_REQUEST when there is no such snapshot, or the image is of another format
     */
    public static ImageChain openAtInternalSnapshot(ChainFiles files, String idOrName) throws IOException {
        if (!files.top().formatId().equals(Qcow2Format.ID)) {
            throw new ImageException(
                    ImageException.Kind.INVALID_REQUEST,
                    files.name() + ": only qcow2 images have snapshots inside their file");
        }
        return new ImageChain(BackingChain.open(files, OpenIntent.READ, noCursor(), Optional.of(idOrName)));
    }

    private static AllocationCursor noCursor() {
        return AllocationCursor.transientCursor();
    }

    /** Opens one file of a chain. */
    static Delta openLink(ChainFiles.Link link, OpenIntent intent, int clusterSizeBytes, AllocationCursor cursor)
            throws IOException {
        OpenMode mode = intent == OpenIntent.READ ? OpenMode.READ_ONLY : OpenMode.READ_WRITE;
        ImageIo io = observable(link.directory().open(link.fileName(), mode));
        boolean opened = false;
        try {
            Delta delta = Formats.byId(link.formatId()).open(io, intent, clusterSizeBytes, cursor);
            opened = true;
            return delta;
        } finally {
            if (!opened) {
                io.close();
            }
        }
    }

    /** What is written to may be tracked later, see {@link PloopDevice#observeTop}. */
    static ImageIo observable(ImageIo io) {
        return io.writable() ? new ObservedIo(io) : io;
    }

    private void requireConsistent(ChainFiles files) throws ImageException {
        for (int level = 1; level < deltas.size(); level++) {
            DeltaGeometry below = deltas.get(level - 1).geometry();
            DeltaGeometry above = deltas.get(level).geometry();
            if (below.diskSizeBytes() > above.diskSizeBytes()) {
                throw new ImageException(
                        ImageException.Kind.DAMAGED,
                        files.name() + ": " + deltas.get(level - 1).name() + " has a disk of " + below.diskSizeBytes()
                                + " bytes, larger than the " + above.diskSizeBytes() + " of "
                                + deltas.get(level).name() + " above it");
            }
        }
        if (files.descriptor().isPresent()) {
            long described = files.descriptor().get().geometry().diskSizeBytes();
            if (described != top().geometry().diskSizeBytes()) {
                throw new ImageException(
                        ImageException.Kind.DAMAGED,
                        files.name() + ": the descriptor says " + described + " bytes, " + top().name() + " says "
                                + top().geometry().diskSizeBytes());
            }
        }
    }

    /** Base first. */
    public List<Delta> deltas() {
        return List.copyOf(deltas);
    }

    /** The delta that is written to. */
    public Delta top() {
        return deltas.get(deltas.size() - 1);
    }

    private void closeAfter(Exception cause) {
        try {
            close();
        } catch (IOException e) {
            cause.addSuppressed(e);
        }
    }

    /** Closes every delta; does not flush and leaves the mark as it is. */
    @Override
    public void close() throws IOException {
        IOException failed = null;
        for (Delta delta : deltas) {
            try {
                delta.close();
            } catch (IOException e) {
                failed = e;
            }
        }
        if (failed != null) {
            throw failed;
        }
    }
}
