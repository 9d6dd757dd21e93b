package org.tidemark.ploop.format.qcow2;

import com.github.luben.zstd.ZstdDecompressCtx;
import com.github.luben.zstd.ZstdException;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * Reads compressed clusters: a raw deflate stream, or a Zstandard frame, each with anything behind it up to the end of its
 * last sector. Keeps the last cluster, because requests are smaller than clusters.
 */
final class Decompressor implements Closeable {
    private static final int SECTOR_BYTES = 512;

    private final int clusterBits;
    private final AlignedBuffer packed;
    private final AlignedBuffer plain;
    private final ByteBuffer packedBytes;
    private final ByteBuffer plainBytes;
    private final @Nullable Inflater inflater;
    private final @Nullable ZstdDecompressCtx zstd;

    private long heldEntry;
    private long heldGeneration = -1;

    Decompressor(Qcow2Header header) {
        this.clusterBits = header.clusterBits();
        this.packed = AlignedBuffer.allocate(2 * header.clusterSizeBytes() + SECTOR_BYTES);
        this.plain = AlignedBuffer.allocate(header.clusterSizeBytes());
        this.packedBytes = packed.bytes().duplicate();
        this.plainBytes = plain.bytes().duplicate();
        boolean zlib = header.compression() == Qcow2Header.COMPRESSION_ZLIB;
        this.inflater = zlib ? new Inflater(true) : null;
        this.zstd = zlib ? null : new ZstdDecompressCtx();
    }

    /**
     * The whole cluster of an L2 entry that is compressed; valid until the next call.
     *
     * @param generation a number that changes whenever compressed data may have been replaced by other at the same place
     */
    AlignedBuffer cluster(ImageIo io, long virtualCluster, long entry, long generation) throws IOException {
        if (entry == heldEntry && generation == heldGeneration) {
            return plain;
        }
        heldGeneration = -1;
        long offset = L2Entry.compressedOffset(entry, clusterBits);
        int length = L2Entry.compressedBytes(entry, clusterBits);
        long fileBytes = io.size();
        if (offset == 0 || offset >= fileBytes) {
            throw broken(io, virtualCluster, "lies at " + offset + ", the file has " + fileBytes + " bytes", null);
        }
        io.read(offset, packed, 0, length);
        Inflater deflate = inflater;
        if (deflate != null) {
            inflate(deflate, io, virtualCluster, length);
        } else {
            unpack(io, virtualCluster, length);
        }
        heldEntry = entry;
        heldGeneration = generation;
        return plain;
    }

    private void inflate(Inflater deflate, ImageIo io, long virtualCluster, int length) throws ImageException {
        deflate.reset();
        packedBytes.clear().limit(length);
        plainBytes.clear().limit(1 << clusterBits);
        try {
            deflate.setInput(packedBytes);
            while (plainBytes.hasRemaining() && !deflate.finished()) {
                if (deflate.inflate(plainBytes) == 0 && (deflate.needsInput() || deflate.needsDictionary())) {
                    break;
                }
            }
        } catch (DataFormatException e) {
            throw broken(io, virtualCluster, "is no deflate stream", e);
        }
        requireWhole(io, virtualCluster);
    }

    private void unpack(ImageIo io, long virtualCluster, int length) throws ImageException {
        ZstdDecompressCtx context = java.util.Objects.requireNonNull(zstd);
        packedBytes.clear().limit(length);
        plainBytes.clear().limit(1 << clusterBits);
        try {
            context.reset();
            boolean ended = false;
            while (plainBytes.hasRemaining() && packedBytes.hasRemaining() && !ended) {
                int before = plainBytes.remaining() + packedBytes.remaining();
                ended = context.decompressDirectByteBufferStream(plainBytes, packedBytes);
                if (!ended && plainBytes.remaining() + packedBytes.remaining() == before) {
                    break;
                }
            }
        } catch (ZstdException e) {
            throw broken(io, virtualCluster, "is no Zstandard frame", e);
        }
        requireWhole(io, virtualCluster);
    }

    private void requireWhole(ImageIo io, long virtualCluster) throws ImageException {
        if (plainBytes.hasRemaining()) {
            throw broken(io, virtualCluster, "ends " + plainBytes.remaining() + " bytes too early", null);
        }
    }

    private static ImageException broken(ImageIo io, long virtualCluster, String what, @Nullable Exception cause) {
        String message = io.name() + ": the compressed data of cluster " + virtualCluster + " " + what;
        return cause == null
                ? new ImageException(ImageException.Kind.DAMAGED, message)
                : new ImageException(ImageException.Kind.DAMAGED, message, cause);
    }

    @Override
    public void close() {
        if (inflater != null) {
            inflater.end();
        }
        if (zstd != null) {
            zstd.close();
        }
    }
}
