package org.tidemark.backup.repository;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedDeque;
import org.jspecify.annotations.Nullable;
import org.tidemark.backup.repository.chunk.ChunkGeometry;
import org.tidemark.backup.repository.chunk.ChunkId;
import org.tidemark.backup.repository.log.PointImage;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.backup.repository.map.ImageMap;
import org.tidemark.backup.repository.map.MapEntry;
import org.tidemark.backup.repository.map.MapRef;
import org.tidemark.backup.repository.pack.SegmentReader;
import org.tidemark.backup.repository.pack.SegmentRef;
import org.tidemark.backup.repository.pack.SegmentWindows;

/** Reads one image of a point. Every byte it gives was compared with its chunk's SHA-256. Safe for many threads. */
public final class ImageReader {
    private static final int CACHED_CHUNKS = 16;
    private static final int IDLE_BUFFERS = 4;

    private final RecoveryPoint point;
    private final String imageId;
    private final ImageMap map;
    private final SegmentReader segments;
    private final ConcurrentLinkedDeque<ByteBuffer> buffers = new ConcurrentLinkedDeque<>();
    /** For reads of parts of a chunk, guarded by itself; values are not changed. */
    private final Map<Long, ByteBuffer> cache = new LinkedHashMap<>(32, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Long, ByteBuffer> eldest) {
            return size() > CACHED_CHUNKS;
        }
    };

    private ImageReader(RecoveryPoint point, String imageId, ImageMap map, SegmentReader segments) {
        this.point = point;
        this.imageId = imageId;
        this.map = map;
        this.segments = segments;
    }

    static ImageReader open(BackupRepository repository, RecoveryPoint point, PointImage image) throws IOException {
        ImageMap map;
        try {
            map = repository.openMap(image.root());
        } catch (RepositoryException e) {
            throw new RepositoryException(e.kind(), where(point, image.imageId(), 0) + ": " + e.getMessage(), e);
        }
        if (map.sizeBytes() != image.sizeBytes()) {
            throw RepositoryException.damaged(where(point, image.imageId(), 0) + ": its map is for " + map.sizeBytes()
                    + " bytes, its record for " + image.sizeBytes());
        }
        return new ImageReader(point, image.imageId(), map, repository.segments());
    }

    private static String where(RecoveryPoint point, String imageId, long offsetBytes) {
        return "container " + point.containerId() + ", point " + point.pointId() + ", image " + imageId + ", offset "
                + offsetBytes;
    }

    public String imageId() {
        return imageId;
    }

    public long sizeBytes() {
        return map.sizeBytes();
    }

    /** How many chunks the image has; the last may be partial. */
    public long chunks() {
        return map.chunks();
    }

    /**
     * Fills {@code dst} from {@code offsetBytes} on. The range must lie in the image. DAMAGED when it cannot be had as
     * it was.
     */
    public void read(long offsetBytes, ByteBuffer dst) throws IOException {
        if (offsetBytes < 0 || dst.remaining() > sizeBytes() - offsetBytes) {
            throw new IllegalArgumentException(
                    dst.remaining() + " bytes at " + offsetBytes + " of an image of " + sizeBytes());
        }
        int most = segments.preferredReadBytes();
        long at = offsetBytes;
        while (dst.remaining() > ChunkGeometry.CHUNK_BYTES && most > 0 && dst.isDirect()) {
            int length = Math.min(dst.remaining(), most);
            try (Ahead ahead = ahead(at, length)) {
                ahead.read(at, dst.slice(dst.position(), length));
            }
            dst.position(dst.position() + length);
            at += length;
        }
        read(at, dst, null);
    }

    /** How much of an image is best read in one go where requests cost something; 0 where they do not. */
    public int preferredReadBytes() {
        return segments.preferredReadBytes();
    }

    /**
     * Gets ready to read a stretch of the image, at most {@link #preferredReadBytes} long: what lies close together on
     * the target is read in one request. Where requests are cheap it does nothing. Close it; it is for one thread.
     */
    public Ahead ahead(long offsetBytes, long lengthBytes) throws IOException {
        if (segments.preferredReadBytes() == 0) {
            return new Ahead(null);
        }
        List<SegmentRef> refs = new ArrayList<>();
        long end = Math.min(sizeBytes(), offsetBytes + lengthBytes);
        for (long chunk = offsetBytes / ChunkGeometry.CHUNK_BYTES; chunk * ChunkGeometry.CHUNK_BYTES < end; chunk++) {
            try {
                MapEntry entry = map.entry(chunk);
                if (entry instanceof MapEntry.Whole whole) {
                    refs.add(whole.segment());
                } else if (entry instanceof MapEntry.Mosaic mosaic) {
                    mosaic.uses().forEach(use -> refs.add(use.segment()));
                }
            } catch (RepositoryException e) {
                // A damaged page of the map is told by whoever reads the chunk.
            }
        }
        return new Ahead(segments.ahead(refs));
    }

    /** A stretch of the image that is being read. */
    public final class Ahead implements AutoCloseable {
        private final @Nullable SegmentWindows windows;

        private Ahead(@Nullable SegmentWindows windows) {
            this.windows = windows;
        }

        /** As {@link ImageReader#read}. */
        public void read(long offsetBytes, ByteBuffer dst) throws IOException {
            ImageReader.this.read(offsetBytes, dst, windows);
        }

        /** As {@link ImageReader#readChunk}. */
        public boolean readChunk(long chunk, ByteBuffer dst) throws IOException {
            return ImageReader.this.readChunk(chunk, dst, windows);
        }

        @Override
        public void close() {
            if (windows != null) {
                windows.close();
            }
        }
    }

    private void read(long offsetBytes, ByteBuffer dst, @Nullable SegmentWindows windows) throws IOException {
        long at = offsetBytes;
        while (dst.hasRemaining()) {
            long chunk = at / ChunkGeometry.CHUNK_BYTES;
            int from = (int) (at % ChunkGeometry.CHUNK_BYTES);
            int length = Math.min(dst.remaining(), ChunkGeometry.CHUNK_BYTES - from);
            if (length == ChunkGeometry.CHUNK_BYTES && dst.isDirect()) {
                readChunk(chunk, dst.slice(dst.position(), length), windows);
                dst.position(dst.position() + length);
            } else {
                dst.put(cached(chunk).slice(from, length));
            }
            at += length;
        }
    }

    private ByteBuffer cached(long chunk) throws IOException {
        synchronized (cache) {
            ByteBuffer found = cache.get(chunk);
            if (found != null) {
                return found;
            }
        }
        ByteBuffer direct = buffers.poll();
        if (direct == null) {
            direct = ByteBuffer.allocateDirect(ChunkGeometry.CHUNK_BYTES);
        }
        readChunk(chunk, direct.clear());
        ByteBuffer copy = ByteBuffer.allocate(ChunkGeometry.CHUNK_BYTES)
                .put(direct.duplicate())
                .clear();
        if (buffers.size() < IDLE_BUFFERS) {
            buffers.push(direct);
        }
        synchronized (cache) {
            cache.put(chunk, copy);
        }
        return copy;
    }

    /**
     * Reads one whole chunk into {@code dst}, direct and with exactly 64 KiB remaining; zeros behind the end of the
     * image. The position stays.
     *
     * @return false when the map says that it is all zero
     */
    public boolean readChunk(long chunk, ByteBuffer dst) throws IOException {
        return readChunk(chunk, dst, null);
    }

    private boolean readChunk(long chunk, ByteBuffer dst, @Nullable SegmentWindows windows) throws IOException {
        @Nullable MapEntry entry = null;
        try {
            entry = map.entry(chunk);
            assemble(entry, dst.slice(), windows);
            if (entry instanceof MapEntry.Zero) {
                return false;
            }
            ChunkId found = ChunkId.of(dst, ChunkId.newDigest());
            if (!found.equals(entry.hash())) {
                throw RepositoryException.damaged("the chunk has SHA-256 " + found + " instead of " + entry.hash());
            }
            return true;
        } catch (RepositoryException e) {
            throw new RepositoryException(
                    e.kind(),
                    where(point, imageId, chunk * ChunkGeometry.CHUNK_BYTES) + ", stored in " + places(entry) + ": "
                            + e.getMessage(),
                    e);
        }
    }

    private static String places(@Nullable MapEntry entry) {
        if (entry instanceof MapEntry.Whole whole) {
            return whole.segment().toString();
        }
        return entry instanceof MapEntry.Mosaic mosaic ? mosaic.uses().toString() : "a map";
    }

    private void assemble(MapEntry entry, ByteBuffer dst, @Nullable SegmentWindows windows) throws IOException {
        if (entry instanceof MapEntry.Whole whole) {
            segments.readSubChunks(whole.segment(), ChunkGeometry.WHOLE_MASK, dst, windows);
            return;
        }
        while (dst.remaining() >= Long.BYTES) {
            dst.putLong(0);
        }
        dst.clear();
        if (entry instanceof MapEntry.Mosaic mosaic) {
            for (MapEntry.SegmentUse use : mosaic.uses()) {
                segments.readSubChunks(use.segment(), use.mask(), dst, windows);
            }
        }
    }

    /** Receives where data is. */
    @FunctionalInterface
    public interface ExtentVisitor {
        void data(long offsetBytes, long lengthBytes) throws IOException;
    }

    /** Calls {@code visitor} for the runs of chunks that are not zero, ascending; the rest of the image is zero. */
    public void extents(ExtentVisitor visitor) throws IOException {
        long start = -1;
        long chunk = 0;
        while (chunk < chunks()) {
            long next = map.skipZeroPages(chunk);
            boolean data = next == chunk && !(map.entry(chunk) instanceof MapEntry.Zero);
            if (data && start < 0) {
                start = chunk;
            } else if (!data && start >= 0) {
                report(visitor, start, chunk);
                start = -1;
            }
            chunk = Math.max(next, chunk + 1);
        }
        if (start >= 0) {
            report(visitor, start, chunks());
        }
    }

    private void report(ExtentVisitor visitor, long firstChunk, long endChunk) throws IOException {
        long offset = firstChunk * ChunkGeometry.CHUNK_BYTES;
        visitor.data(offset, Math.min(endChunk * ChunkGeometry.CHUNK_BYTES, sizeBytes()) - offset);
    }

    /**
     * What the map page of {@code chunk} is made of: equal answers of two points mean equal content. Empty when all
     * zero.
     */
    public List<MapRef> sharedPage(long chunk) throws IOException {
        return map.pageRefs(chunk);
    }

    /** Whether the map says that {@code chunk} is all zero. */
    public boolean isZero(long chunk) throws IOException {
        return map.entry(chunk) instanceof MapEntry.Zero;
    }
}
