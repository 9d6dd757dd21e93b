package org.tidemark.backup.repository.pack;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;
import org.tidemark.backup.repository.RepositoryException;
import org.tidemark.backup.repository.chunk.ChunkId;

/** Header, index and footer of a pack: docs/format/repository.md sections 4.1, 4.3, 4.4. */
final class PackFrame {
    private static final byte[] HEADER_MAGIC = "TDMKPACK".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] FOOTER_MAGIC = "TDMKPEND".getBytes(StandardCharsets.US_ASCII);
    private static final long KNOWN_INCOMPAT = 0;

    private PackFrame() {}

    static ByteBuffer header(PackId repository, PackId pack, long createdMillis) {
        ByteBuffer header = ByteBuffer.allocate(PackLimits.HEADER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        header.put(HEADER_MAGIC).putShort((short) PackLimits.VERSION).putShort((short) PackLimits.HEADER_BYTES);
        header.position(32);
        repository.put(header);
        pack.put(header);
        header.putLong(112, createdMillis);
        header.putInt(124, crc(header.duplicate().clear().limit(124)));
        return header.clear();
    }

    /** Checks the 128 bytes of a header. */
    static void checkHeader(ByteBuffer header, PackId repository, PackId pack) throws RepositoryException {
        header.order(ByteOrder.LITTLE_ENDIAN).clear();
        checkStart(header, HEADER_MAGIC, PackLimits.HEADER_BYTES, 124, pack, "header");
        if (!PackId.get(header.position(32)).equals(repository)) {
            throw RepositoryException.damaged("pack " + pack + " belongs to another repository");
        }
        if (!PackId.get(header.position(48)).equals(pack)) {
            throw RepositoryException.damaged("pack " + pack + " holds another pack");
        }
        for (int at = 64; at < 112; at++) {
            if (header.get(at) != 0) {
                throw RepositoryException.unsupported("pack " + pack + " is encrypted, which this version cannot read");
            }
        }
    }

    /** Magic, checksum, version, features: in this order, so that damage is never taken for a newer version. */
    private static void checkStart(ByteBuffer frame, byte[] magic, int frameBytes, int crcAt, PackId pack, String what)
            throws RepositoryException {
        if (frame.slice(0, 8).mismatch(ByteBuffer.wrap(magic)) >= 0) {
            throw RepositoryException.damaged("pack " + pack + " has no " + what);
        }
        if (crc(frame.duplicate().position(0).limit(crcAt)) != frame.getInt(crcAt)) {
            throw RepositoryException.damaged("the " + what + " of pack " + pack + " is damaged: wrong checksum");
        }
        int version = frame.getShort(8) & 0xFFFF;
        if (version != PackLimits.VERSION || (frame.getLong(16) & ~KNOWN_INCOMPAT) != 0) {
            throw RepositoryException.unsupported("pack " + pack + " has version " + version + " and features "
                    + Long.toHexString(frame.getLong(16)) + "; a newer version wrote it");
        }
        if ((frame.getShort(10) & 0xFFFF) != frameBytes) {
            throw RepositoryException.damaged("the " + what + " of pack " + pack + " has a wrong length");
        }
    }

    /** Index and footer of a pack whose segments end at {@code indexOffsetBytes}. */
    static ByteBuffer tail(PackId pack, List<PackEntry> entries, int indexOffsetBytes) {
        int indexBytes = entries.size() * PackLimits.INDEX_ENTRY_BYTES;
        ByteBuffer tail =
                ByteBuffer.allocate(indexBytes + PackLimits.FOOTER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (PackEntry entry : entries) {
            entry.id().put(tail);
            tail.putInt(entry.offsetBytes()).putInt(entry.lengthBytes()).putInt(entry.rawBytes());
            tail.put((byte) entry.kind().code()).put((byte) entry.codec()).putShort((short) entry.mask());
        }
        int indexCrc = crc(tail.duplicate().flip());
        ByteBuffer footer = tail.slice().order(ByteOrder.LITTLE_ENDIAN);
        footer.put(FOOTER_MAGIC).putShort((short) PackLimits.VERSION).putShort((short) PackLimits.FOOTER_BYTES);
        footer.putInt(entries.size());
        footer.position(32).putInt(indexOffsetBytes).putInt(indexCrc);
        pack.put(footer);
        footer.putInt(indexOffsetBytes + indexBytes + PackLimits.FOOTER_BYTES);
        footer.putInt(60, crc(footer.duplicate().position(0).limit(60)));
        return tail.clear();
    }

    /** Where the index of a pack lies and what its checksum is. */
    record Footer(int segments, int indexOffsetBytes, int indexCrc) {
        int indexBytes() {
            return segments * PackLimits.INDEX_ENTRY_BYTES;
        }
    }

    /** Reads the 64 bytes from the position of {@code footer} on. */
    static Footer footer(ByteBuffer bytes, PackId pack, long packBytes) throws RepositoryException {
        ByteBuffer footer =
                bytes.slice(bytes.position(), PackLimits.FOOTER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        checkStart(footer, FOOTER_MAGIC, PackLimits.FOOTER_BYTES, 60, pack, "footer");
        int segments = footer.getInt(12);
        int indexOffset = footer.getInt(32);
        if (segments < 1
                || segments > PackLimits.MAX_SEGMENTS
                || indexOffset < PackLimits.HEADER_BYTES
                || footer.getInt(56) != packBytes
                || (long) indexOffset + (long) segments * PackLimits.INDEX_ENTRY_BYTES + PackLimits.FOOTER_BYTES
                        != packBytes) {
            throw RepositoryException.damaged(
                    "the footer of pack " + pack + " does not fit its " + packBytes + " bytes");
        }
        if (!PackId.get(footer.position(40)).equals(pack)) {
            throw RepositoryException.damaged("pack " + pack + " ends in the footer of another pack");
        }
        return new Footer(segments, indexOffset, footer.getInt(36));
    }

    /** Reads the index, exactly the remaining bytes of {@code index}. */
    static List<PackEntry> index(ByteBuffer bytes, Footer footer, PackId pack) throws RepositoryException {
        ByteBuffer index = bytes.slice().order(ByteOrder.LITTLE_ENDIAN);
        if (crc(index.duplicate()) != footer.indexCrc()) {
            throw RepositoryException.damaged("the index of pack " + pack + " is damaged: wrong checksum");
        }
        List<PackEntry> entries = new ArrayList<>(footer.segments());
        int next = PackLimits.HEADER_BYTES;
        for (int i = 0; i < footer.segments(); i++) {
            ChunkId id = ChunkId.get(index);
            int offset = index.getInt();
            int length = index.getInt();
            int raw = index.getInt();
            @Nullable SegmentKind kind = SegmentKind.ofCode(index.get());
            int codec = index.get();
            int mask = index.getShort() & 0xFFFF;
            if (kind == null) {
                throw RepositoryException.unsupported("pack " + pack + " holds segments of an unknown kind");
            }
            if (offset != next
                    || length <= PackLimits.SEGMENT_HEADER_BYTES
                    || length > footer.indexOffsetBytes() - offset
                    || raw <= 0
                    || raw > PackLimits.maxRawBytes(kind)) {
                throw RepositoryException.damaged("entry " + i + " of the index of pack " + pack + " makes no sense");
            }
            next = offset + length;
            entries.add(new PackEntry(id, offset, length, raw, kind, codec, mask));
        }
        return entries;
    }

    private static int crc(ByteBuffer bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes);
        return (int) crc.getValue();
    }
}
