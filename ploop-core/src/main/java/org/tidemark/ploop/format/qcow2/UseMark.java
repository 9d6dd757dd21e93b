package org.tidemark.ploop.format.qcow2;

import java.io.IOException;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * The mark "open for writing" of an image of version 3: the dirty bit. Programs that find it set rebuild the counts before
 * they write, which also collects what a crash leaked. Version 2 has no such bit: a crash leaves leaked clusters there.
 *
 * <p>Bitmaps that must record every write are not kept up by us: they get their own mark "in use", for good, and say nothing
 * from then on. Other bitmaps stay what they are. A directory that cannot be read loses its autoclear bit.
 *
 * <p>Feature words are 24 bytes of one sector, so they change as one.
 */
final class UseMark {
    static final long KNOWN_AUTOCLEAR = Qcow2Header.BITMAPS_VALID | Qcow2Header.RAW_EXTERNAL;

    private final ImageIo io;
    private final Qcow2Header header;
    private final AlignedBuffer words = AlignedBuffer.allocate(24);
    private long autoclear;

    UseMark(ImageIo io, Qcow2Header header) {
        this.io = io;
        this.header = header;
        this.autoclear = header.autoclear() & KNOWN_AUTOCLEAR;
    }

    /** Durable on return. Autoclear bits of features that we do not keep up are cleared with it. */
    void set() throws IOException {
        if (header.version() < 3) {
            // What others wrote before is durable from here on, as it is when the mark is written.
            io.flush();
            return;
        }
        forgetBitmaps();
        write(header.incompatible() | Qcow2Header.DIRTY);
    }

    /** The same for a change that leaves the content of the disk alone: no bitmap is concerned. */
    void setForTables() throws IOException {
        if (header.version() >= 3) {
            write(header.incompatible() | Qcow2Header.DIRTY);
        }
    }

    /** Whether the bitmaps extension can be believed, from the next write of the words on. */
    void believeBitmaps(boolean believe) {
        autoclear = believe ? autoclear | Qcow2Header.BITMAPS_VALID : autoclear & ~Qcow2Header.BITMAPS_VALID;
    }

    private void forgetBitmaps() throws IOException {
        try {
            for (Bitmap bitmap : Bitmap.list(io, header)) {
                if ((bitmap.flags() & Bitmap.AUTO) != 0 && !bitmap.inUse()) {
                    words.putInt(0, Integer.reverseBytes(bitmap.flags() | Bitmap.IN_USE));
                    io.write(bitmap.position() + Bitmap.AT_FLAGS, words, 0, 4);
                }
            }
        } catch (ImageException e) {
            autoclear &= ~Qcow2Header.BITMAPS_VALID;
        }
    }

    /** Durable on return; everything else is durable before. */
    void clear() throws IOException {
        if (header.version() < 3) {
            return;
        }
        write(header.incompatible() & ~Qcow2Header.DIRTY);
    }

    private void write(long incompatible) throws IOException {
        words.putLong(0, Long.reverseBytes(incompatible));
        words.putLong(8, Long.reverseBytes(header.compatible()));
        words.putLong(16, Long.reverseBytes(autoclear));
        io.write(Qcow2Header.AT_FEATURES, words, 0, 24);
        io.flush();
    }
}
