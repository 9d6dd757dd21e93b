package org.tidemark.ploop.format.raw;

import java.io.IOException;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaFormat;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/** The raw format. It has no signature: what no other format recognises may be raw, if the caller says so. */
public final class RawFormat implements DeltaFormat {
    public static final String ID = "raw";

    /** Physical clusters are unsigned 32-bit numbers and the last value means "not allocated". */
    private static final long MAX_CLUSTERS = 0xFFFFFFFFL;

    @Override
    public String id() {
        return ID;
    }

    @Override
    public boolean probe(ImageIo io) throws IOException {
        long size = io.size();
        return size > 0 && size % DeltaGeometry.SECTOR_BYTES == 0;
    }

    @Override
    public int nearestClusterSize(int wantedBytes) {
        return Math.max(DeltaGeometry.SECTOR_BYTES, Integer.highestOneBit(Math.max(wantedBytes, 1)));
    }

    @Override
    public void create(ImageIo io, DeltaGeometry geometry) throws IOException {
        requireClusters(io, geometry, ImageException.Kind.INVALID_REQUEST);
        io.truncate(geometry.diskSizeBytes());
        io.flush();
    }

    @Override
    public void grow(ImageIo io, DeltaGeometry to) throws IOException {
        requireClusters(io, to, ImageException.Kind.INVALID_REQUEST);
        if (io.size() > to.diskSizeBytes()) {
            throw new ImageException(
                    ImageException.Kind.INVALID_REQUEST,
                    io.name() + ": has " + io.size() + " bytes already, more than " + to.diskSizeBytes());
        }
        io.truncate(to.diskSizeBytes());
        io.flush();
    }

    @Override
    public void shrink(ImageIo io, DeltaGeometry to) throws IOException {
        if (io.size() < to.diskSizeBytes()) {
            throw new ImageException(
                    ImageException.Kind.INVALID_REQUEST,
                    io.name() + ": has " + io.size() + " bytes, less than " + to.diskSizeBytes());
        }
        io.truncate(to.diskSizeBytes());
        io.flush();
    }

    @Override
    public void growOpen(ImageIo io, DeltaGeometry to, AllocationCursor cursor, Runnable noWayBack) throws IOException {
        grow(io, to);
    }

    @Override
    public Delta open(ImageIo io, OpenIntent intent, int clusterSizeBytes, AllocationCursor cursor) throws IOException {
        boolean writable = intent != OpenIntent.READ;
        if (writable && !io.writable()) {
            throw new ImageException(ImageException.Kind.READ_ONLY, io.name() + ": open for reading only");
        }
        if (clusterSizeBytes <= 0 || clusterSizeBytes % DeltaGeometry.SECTOR_BYTES != 0) {
            throw new ImageException(
                    ImageException.Kind.INVALID_REQUEST,
                    io.name() + ": a raw image is opened with a cluster size, not " + clusterSizeBytes);
        }
        long size = io.size();
        if (size == 0 || size % DeltaGeometry.SECTOR_BYTES != 0) {
            throw new ImageException(
                    ImageException.Kind.NOT_AN_IMAGE,
                    io.name() + ": a raw image is a positive multiple of 512 bytes long, this file has " + size);
        }
        DeltaGeometry geometry = new DeltaGeometry(size, clusterSizeBytes);
        requireClusters(io, geometry, ImageException.Kind.UNSUPPORTED);
        return new RawDelta(io, geometry, writable);
    }

    private static void requireClusters(ImageIo io, DeltaGeometry geometry, ImageException.Kind kind)
            throws ImageException {
        if (geometry.clusters() >= MAX_CLUSTERS) {
            throw new ImageException(
                    kind, io.name() + ": " + geometry.clusters() + " clusters are too many, use larger ones");
        }
    }
}
