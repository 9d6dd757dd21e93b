package org.tidemark.backup.repository.pack;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.tidemark.backup.repository.RepositoryException;

/**
 * Checks a whole pack as it lies in memory: length, header, footer, index, the checksum of every segment, and that the
 * index says of each segment what the segment says of itself. Nothing is decompressed. One thread.
 */
public final class PackCheck implements AutoCloseable {
    private final PackId repository;
    private final SegmentDecoder segments = new SegmentDecoder();

    public PackCheck(PackId repository) {
        this.repository = repository;
    }

    /**
     * Checks all of {@code bytes}, from 0 to its limit.
     *
     * @throws RepositoryException DAMAGED, or UNSUPPORTED when a newer version wrote it
     */
    public void check(PackId pack, ByteBuffer bytes) throws RepositoryException {
        ByteBuffer whole = bytes.duplicate().order(ByteOrder.LITTLE_ENDIAN).position(0);
        int packBytes = whole.limit();
        if (packBytes < PackLimits.HEADER_BYTES + PackLimits.FOOTER_BYTES || packBytes > PackLimits.MAX_PACK_BYTES) {
            throw RepositoryException.damaged("pack " + pack + " has " + packBytes + " bytes, which cannot be");
        }
        PackFrame.checkHeader(whole.slice(0, PackLimits.HEADER_BYTES), repository, pack);
        PackFrame.Footer footer =
                PackFrame.footer(whole.duplicate().position(packBytes - PackLimits.FOOTER_BYTES), pack, packBytes);
        List<PackEntry> index =
                PackFrame.index(whole.slice(footer.indexOffsetBytes(), footer.indexBytes()), footer, pack);
        int end = PackLimits.HEADER_BYTES;
        for (PackEntry entry : index) {
            check(pack, entry, whole.slice(entry.offsetBytes(), entry.lengthBytes()));
            end = entry.offsetBytes() + entry.lengthBytes();
        }
        if (end != footer.indexOffsetBytes()) {
            throw RepositoryException.damaged("pack " + pack + " has " + (footer.indexOffsetBytes() - end)
                    + " bytes that its index does not name");
        }
    }

    private void check(PackId pack, PackEntry entry, ByteBuffer segment) throws RepositoryException {
        SegmentRef ref = new SegmentRef(pack, entry.offsetBytes(), entry.lengthBytes());
        SegmentDecoder.Header header = segments.check(ref, segment.order(ByteOrder.LITTLE_ENDIAN));
        if (header.kind() != entry.kind()
                || header.codec() != entry.codec()
                || header.mask() != entry.mask()
                || header.rawBytes() != entry.rawBytes()) {
            throw RepositoryException.damaged("segment in " + ref + " is not what the index says of it");
        }
    }

    @Override
    public void close() {
        segments.close();
    }
}
