package org.tidemark.ploop.check;

import java.io.IOException;
import java.util.zip.CRC32C;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.format.qcow2.Qcow2Header;
import org.tidemark.ploop.format.qcow2.ReferenceWalk;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * What an undo file has to know of a format: where the first sector has room for a mark that keeps everybody off while an
 * image is put back, and which bytes tell whether somebody wrote to it after the repair.
 */
enum UndoSubject {
    /** The mark stands in the place of the mark of use; the header and the table are what counts. */
    EXPANDED(44) {
        @Override
        long checksum(ImageIo image) throws IOException {
            Sum sum = new Sum(image);
            sum.add(0, ExpandedFormat.readHeader(image).dataStartBytes());
            return sum.value();
        }
    },
    /** The mark stands in the place of the encryption method, which all programs refuse by; all tables are what counts. */
    QCOW2(Qcow2Header.AT_ENCRYPTION) {
        @Override
        long checksum(ImageIo image) throws IOException {
            Sum sum = new Sum(image);
            try {
                Qcow2Header header = Qcow2Header.read(image);
                new ReferenceWalk(image, header, new TablesOnly(sum, header.clusterSizeBytes())).run();
            } catch (ImageException e) {
                // Tables that cannot be read are others than the repair left.
                return -1;
            }
            return sum.value();
        }
    };

    private static final int MARK = Qcow2Header.BEING_PUT_BACK;
    private static final int QCOW2_MAGIC = 0xFB494651;
    private static final int PIECE_BYTES = 1 << 20;

    private final int markOffset;

    UndoSubject(int markOffset) {
        this.markOffset = markOffset;
    }

    /** By the first four bytes of an image. */
    static UndoSubject of(AlignedBuffer firstBytes) {
        return firstBytes.getInt(0) == QCOW2_MAGIC ? QCOW2 : EXPANDED;
    }

    /** A number that changes when somebody changes the tables. */
    abstract long checksum(ImageIo image) throws IOException;

    boolean beingPutBack(ImageIo image) throws IOException {
        AlignedBuffer mark = AlignedBuffer.allocate(4);
        image.read(markOffset, mark, 0, 4);
        return mark.getInt(0) == MARK;
    }

    /** Durable on return. */
    void mark(ImageIo image) throws IOException {
        AlignedBuffer mark = AlignedBuffer.allocate(4);
        mark.putInt(0, MARK);
        image.write(markOffset, mark, 0, 4);
        image.flush();
    }

    private static final class Sum {
        private final ImageIo image;
        private final AlignedBuffer piece = AlignedBuffer.allocate(PIECE_BYTES);
        private final CRC32C crc = new CRC32C();
        private long total;

        Sum(ImageIo image) {
            this.image = image;
        }

        void add(long position, long length) throws IOException {
            for (long at = 0; at < length; at += PIECE_BYTES) {
                int part = (int) Math.min(PIECE_BYTES, length - at);
                image.read(position + at, piece, 0, part);
                crc.update(piece.bytes().slice(0, part));
            }
            total += length;
        }

        long value() {
            return crc.getValue() << 32 | crc.getValue() ^ total & 0xFFFFFFFFL;
        }
    }

    private record TablesOnly(Sum sum, int clusterBytes) implements ReferenceWalk.Visitor {
        @Override
        public void reference(ReferenceWalk.Owner owner, long index, long first, long count) throws IOException {
            boolean content = owner == ReferenceWalk.Owner.DATA || owner == ReferenceWalk.Owner.SNAPSHOT_DATA;
            if (!content) {
                sum.add(first * clusterBytes, count * clusterBytes);
            }
        }

        @Override
        public void broken(ReferenceWalk.Owner owner, long index, String what) throws IOException {
            sum.add(0, 1);
        }
    }
}
