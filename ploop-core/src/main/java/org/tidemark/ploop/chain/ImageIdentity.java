package org.tidemark.ploop.chain;

import java.io.IOException;
import java.util.zip.CRC32C;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageIo;

/**
 * What the files of a closed image look like: name and fingerprint (size, time of change) of each, and a checksum over header and table of
 * the top. When it is the same as at the last detach, nobody wrote to the image in between.
 */
final class ImageIdentity {
    private static final int PIECE_BYTES = 128 << 10;

    private ImageIdentity() {}

    static String of(ChainFiles files) throws IOException {
        StringBuilder text = new StringBuilder();
        for (ChainFiles.Link link : files.links()) {
            text.append(link.fileName()).append(' ');
            text.append(link.directory().fingerprint(link.fileName())).append(' ');
        }
        // A long chain does not fit into the tracker's record as it is.
        CRC32C all = new CRC32C();
        all.update(text.toString().getBytes(java.nio.charset.StandardCharsets.UTF_8));
        String summary = text.length() > 200 ? text.substring(text.length() - 200) : text.toString();
        return summary + Long.toHexString(all.getValue()) + ' ' + Long.toHexString(tableChecksum(files.top()));
    }

    private static long tableChecksum(ChainFiles.Link top) throws IOException {
        if (!top.formatId().equals(ExpandedFormat.ID)) {
            return 0;
        }
        try (ImageIo io = top.directory().open(top.fileName(), OpenMode.READ_ONLY)) {
            DeltaGeometry geometry = ExpandedFormat.readHeader(io).geometry();
            long tableBytes = Math.min(64 + 4 * geometry.clusters(), io.size());
            AlignedBuffer buffer = AlignedBuffer.allocate(PIECE_BYTES);
            CRC32C crc = new CRC32C();
            for (long at = 0; at < tableBytes; at += PIECE_BYTES) {
                int length = (int) Math.min(PIECE_BYTES, tableBytes - at);
                io.read(at, buffer, 0, length);
                crc.update(buffer.bytes().slice(0, length));
            }
            return crc.getValue();
        }
    }
}
