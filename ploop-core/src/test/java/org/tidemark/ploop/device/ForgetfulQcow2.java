package org.tidemark.ploop.device;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.tidemark.ploop.format.qcow2.Qcow2Header;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.ForwardingImageIo;

/** Files whose writer keeps one rule of the order of writing badly, to prove that the crash harness notices. */
final class ForgetfulQcow2 extends ForwardingImageIo {
    /** Where in a qcow2 file a write goes. */
    enum Place {
        FEATURES,
        TABLE_POINTER,
        L1,
        REFCOUNT_TABLE,
        REFCOUNT_BLOCK,
        ELSEWHERE
    }

    private static final int MAGIC = 0x514649FB;
    private static final long OFFSET = 0x00FFFFFFFFFFFE00L;
    private static final long COMPRESSED = 1L << 62;
    private static final long COPIED = 1L << 63;

    private record Held(long position, AlignedBuffer bytes, int length) {}

    private final Set<Place> unflushed;
    private final Set<Place> late;
    private final List<Held> held = new ArrayList<>();
    private int heldFlushes;
    private boolean flushAsked;

    /**
     * @param unflushed a flush right before a write to one of these does not happen
     * @param late what is written there reaches the file one flush too late
     */
    private ForgetfulQcow2(ImageIo below, Set<Place> unflushed, Set<Place> late) {
        super(below);
        this.unflushed = unflushed;
        this.late = late;
    }

    static ImageIo withoutFlushBefore(ImageIo file, Place place) {
        return new ForgetfulQcow2(file, Set.of(place), Set.of());
    }

    static ImageIo late(ImageIo file, Place place) {
        return new ForgetfulQcow2(file, Set.of(), Set.of(place));
    }

    /** Every cluster looks as if it belonged to the disk alone, also those that a snapshot has too. */
    static ImageIo sharedLooksOwned(ImageIo file) {
        return new ForwardingImageIo(file) {
            @Override
            public void read(long position, AlignedBuffer dst, int dstOffset, int length) throws IOException {
                below.read(position, dst, dstOffset, length);
                AlignedBuffer word = AlignedBuffer.allocate(8);
                below.read(0, word, 0, 4);
                if (Integer.reverseBytes(word.getInt(0)) != MAGIC || position % 8 != 0) {
                    return;
                }
                Qcow2Header header = Qcow2Header.read(below);
                for (int i = 0; i < header.l1Entries(); i++) {
                    below.read(header.l1Offset() + i * 8L, word, 0, 8);
                    long table = Long.reverseBytes(word.getLong(0)) & OFFSET;
                    long from = Math.max(position, table);
                    long until = Math.min(position + length, table + header.clusterSizeBytes());
                    for (long at = from; table != 0 && at + 8 <= until; at += 8) {
                        int place = dstOffset + (int) (at - position);
                        long entry = Long.reverseBytes(dst.getLong(place));
                        if ((entry & OFFSET) != 0 && (entry & COMPRESSED) == 0) {
                            dst.putLong(place, Long.reverseBytes(entry | COPIED));
                        }
                    }
                }
            }
        };
    }

    private Place place(long position) throws IOException {
        AlignedBuffer head = AlignedBuffer.allocate(8);
        below.read(0, head, 0, 4);
        if (Integer.reverseBytes(head.getInt(0)) != MAGIC) {
            return Place.ELSEWHERE;
        }
        Qcow2Header header = Qcow2Header.read(below);
        if (position < header.clusterSizeBytes()) {
            return position == 48 ? Place.TABLE_POINTER : Place.FEATURES;
        }
        if (position >= header.l1Offset() && position < header.l1Offset() + header.l1Entries() * 8L) {
            return Place.L1;
        }
        long table = header.refcountTableOffset();
        long tableBytes = (long) header.refcountTableClusters() * header.clusterSizeBytes();
        if (position >= table && position < table + tableBytes) {
            return Place.REFCOUNT_TABLE;
        }
        for (long at = 0; at < tableBytes; at += 8) {
            below.read(table + at, head, 0, 8);
            long block = Long.reverseBytes(head.getLong(0));
            if (block != 0 && position >= block && position < block + header.clusterSizeBytes()) {
                return Place.REFCOUNT_BLOCK;
            }
        }
        return Place.ELSEWHERE;
    }

    private void settleFlush(boolean skip) throws IOException {
        if (flushAsked) {
            flushAsked = false;
            if (!skip) {
                below.flush();
            }
        }
    }

    @Override
    public synchronized void read(long position, AlignedBuffer dst, int dstOffset, int length) throws IOException {
        below.read(position, dst, dstOffset, length);
        for (Held one : held) {
            long from = Math.max(position, one.position());
            long until = Math.min(position + length, one.position() + one.length());
            if (from < until) {
                dst.bytes()
                        .put(
                                dstOffset + (int) (from - position),
                                one.bytes().bytes(),
                                (int) (from - one.position()),
                                (int) (until - from));
            }
        }
    }

    @Override
    public synchronized void write(long position, AlignedBuffer src, int srcOffset, int length) throws IOException {
        Place place = place(position);
        settleFlush(unflushed.contains(place));
        if (late.contains(place)) {
            AlignedBuffer copy = AlignedBuffer.allocate(length);
            copy.copyFrom(src, srcOffset, 0, length);
            held.add(new Held(position, copy, length));
            heldFlushes = 0;
        } else {
            below.write(position, src, srcOffset, length);
        }
    }

    @Override
    public synchronized void punchHole(long position, long length) throws IOException {
        settleFlush(unflushed.contains(place(position)));
        below.punchHole(position, length);
    }

    @Override
    public synchronized void zero(long position, long length) throws IOException {
        settleFlush(false);
        below.zero(position, length);
    }

    @Override
    public synchronized void truncate(long sizeBytes) throws IOException {
        settleFlush(false);
        below.truncate(sizeBytes);
    }

    @Override
    public synchronized void flush() throws IOException {
        settleFlush(false);
        if (unflushed.isEmpty()) {
            below.flush();
        } else {
            flushAsked = true;
        }
        if (!held.isEmpty() && ++heldFlushes == 2) {
            for (Held one : held) {
                below.write(one.position(), one.bytes(), 0, one.length());
            }
            held.clear();
        }
    }
}
