package org.tidemark.ploop.chain;

import java.io.IOException;
import java.util.function.BooleanSupplier;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.ForwardingImageIo;

/** A file of an image whose disk becomes larger, by a program that leaves out one of the growth's flushes. */
final class ForgottenFlush extends ForwardingImageIo {
    private static final int ENTRY_BYTES = 4;

    /** Which one. */
    enum Place {
        /** What was copied is not durable when entries come to name the copies. */
        BEFORE_THE_ENTRIES,
        /** Entries and the table's new room are not durable when the header says that they are the table. */
        BEFORE_THE_HEADER,
        /** The header is not durable when the descriptor says the new size. */
        AFTER_THE_HEADER
    }

    private final Place place;
    private final BooleanSupplier growing;
    private boolean due;
    private boolean headerWritten;

    ForgottenFlush(ImageIo below, Place place, BooleanSupplier growing) {
        super(below);
        this.place = place;
        this.growing = growing;
    }

    @Override
    public void flush() throws IOException {
        if (growing.getAsBoolean()) {
            // Whether it is the one is told by what comes next.
            due = true;
        } else {
            due = false;
            below.flush();
        }
    }

    private void settle(boolean forgotten) throws IOException {
        boolean now = due && !forgotten;
        due = false;
        if (now) {
            below.flush();
        }
    }

    @Override
    public void write(long position, AlignedBuffer src, int srcOffset, int length) throws IOException {
        settle(
                switch (place) {
                    case BEFORE_THE_ENTRIES -> length == ENTRY_BYTES;
                    case BEFORE_THE_HEADER -> position == 0;
                    case AFTER_THE_HEADER -> headerWritten;
                });
        headerWritten |= growing.getAsBoolean() && position == 0;
        below.write(position, src, srcOffset, length);
    }

    @Override
    public void truncate(long sizeBytes) throws IOException {
        settle(false);
        below.truncate(sizeBytes);
    }

    @Override
    public void read(long position, AlignedBuffer dst, int dstOffset, int length) throws IOException {
        // The header is read before it is changed.
        boolean ofHeader = position == 0;
        if (!ofHeader) {
            settle(false);
        }
        below.read(position, dst, dstOffset, length);
    }

    @Override
    public void close() throws IOException {
        settle(place == Place.AFTER_THE_HEADER && headerWritten);
        below.close();
    }
}
