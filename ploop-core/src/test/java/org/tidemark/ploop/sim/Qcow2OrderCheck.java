package org.tidemark.ploop.sim;

import java.io.IOException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.tidemark.ploop.format.qcow2.Qcow2Header;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * Watches the order of writing in a qcow2 image: an entry of the L1 table, of an L2 table that the L1 table names, of the
 * refcount table, or of the header, that newly names a cluster is written only after that cluster's first data were flushed;
 * when an L2 table is named, so is all that it names. The wrong order is an {@link AssertionError} at once.
 */
public final class Qcow2OrderCheck extends ForwardingImageIo {
    private static final long OFFSET = 0x00FFFFFFFFFFFE00L;
    private static final long COMPRESSED = 1L << 62;

    private final AlignedBuffer word = AlignedBuffer.allocate(8);
    private final Map<Long, Long> unflushed = new HashMap<>();
    private final Set<Long> flushed = new HashSet<>();
    private final Set<Long> tables = new HashSet<>();
    private Qcow2Header header;
    private long sequence;

    /** Watches a file that is a qcow2 image. */
    public Qcow2OrderCheck(ImageIo below) throws IOException {
        super(below);
        header = Qcow2Header.read(below);
        learnTables();
    }

    /** Watches qcow2 images; any other file is returned as it is. */
    public static ImageIo watch(ImageIo io) {
        try {
            return new Qcow2OrderCheck(io);
        } catch (IOException e) {
            return io;
        }
    }

    private void learnTables() throws IOException {
        tables.clear();
        for (int i = 0; i < header.l1Entries(); i++) {
            long table = wordAt(header.l1Offset() + i * 8L) & OFFSET;
            if (table != 0) {
                tables.add(table);
            }
        }
    }

    private long wordAt(long position) throws IOException {
        below.read(position, word, 0, 8);
        return Long.reverseBytes(word.getLong(0));
    }

    private int clusterBytes() {
        return header.clusterSizeBytes();
    }

    @Override
    public synchronized void write(long position, AlignedBuffer src, int srcOffset, int length) throws IOException {
        long end = position + length;
        long l1End = header.l1Offset() + header.l1Entries() * 8L;
        long countsEnd = header.refcountTableOffset() + (long) header.refcountTableClusters() * clusterBytes();
        if (position < l1End && end > header.l1Offset()) {
            checkWords(position, src, srcOffset, length, header.l1Offset(), l1End, 8, Kind.L1);
        } else if (position < countsEnd && end > header.refcountTableOffset()) {
            checkWords(position, src, srcOffset, length, header.refcountTableOffset(), countsEnd, 8, Kind.COUNTS);
        } else if (!header.externalData()) {
            long table = position & -clusterBytes();
            if (tables.contains(table)) {
                int step = header.extendedL2() ? 16 : 8;
                checkWords(position, src, srcOffset, length, table, table + clusterBytes(), step, Kind.L2);
            }
        }
        touched(position, length);
        below.write(position, src, srcOffset, length);
        if (position < clusterBytes()) {
            headerChanged();
        }
    }

    private enum Kind {
        L1,
        L2,
        COUNTS
    }

    private void checkWords(
            long position, AlignedBuffer src, int srcOffset, int length, long from, long until, int step, Kind kind)
            throws IOException {
        for (long at = Math.max(position, from); at + 8 <= Math.min(position + length, until); at += 8) {
            if ((at - from) % step != 0) {
                continue;
            }
            long now = Long.reverseBytes(src.getLong(srcOffset + (int) (at - position)));
            long was = wordAt(at);
            if ((now & (OFFSET | COMPRESSED)) == (was & (OFFSET | COMPRESSED))) {
                continue;
            }
            if (kind != Kind.L2 || (was & COMPRESSED) == 0) {
                flushed.remove((was & OFFSET) / clusterBytes());
            }
            requireNamed(kind, at, now);
        }
    }

    private void requireNamed(Kind kind, long at, long entry) throws IOException {
        long offset = entry & OFFSET;
        if (offset == 0 || (kind == Kind.L2 && (entry & COMPRESSED) != 0)) {
            return;
        }
        requireFlushed(kind + " entry at " + at, offset);
        if (kind == Kind.L1 && tables.add(offset) && !header.externalData()) {
            int step = header.extendedL2() ? 16 : 8;
            for (long in = offset; in < offset + clusterBytes(); in += step) {
                requireNamed(Kind.L2, in, wordAt(in));
            }
        }
    }

    private void requireFlushed(String what, long offset) {
        if (unflushed.containsKey(offset / clusterBytes())) {
            throw new AssertionError(name() + ": the " + what + " names cluster " + offset / clusterBytes()
                    + " of the file, whose data was not flushed");
        }
    }

    /** The header may name other tables now. */
    private void headerChanged() throws IOException {
        Qcow2Header now;
        try {
            now = Qcow2Header.read(below);
        } catch (ImageException e) {
            return;
        }
        if (now.l1Offset() != header.l1Offset()) {
            requireFlushed("header's L1 table", now.l1Offset());
        }
        if (now.refcountTableOffset() != header.refcountTableOffset()) {
            requireFlushed("header's refcount table", now.refcountTableOffset());
        }
        boolean moved = now.l1Offset() != header.l1Offset() || now.l1Entries() != header.l1Entries();
        header = now;
        if (moved) {
            learnTables();
        }
    }

    private void touched(long position, long length) {
        sequence++;
        for (long cluster = position / clusterBytes(); cluster * clusterBytes() < position + length; cluster++) {
            if (!flushed.contains(cluster)) {
                unflushed.putIfAbsent(cluster, sequence);
            }
        }
    }

    @Override
    public void flush() throws IOException {
        long begun;
        synchronized (this) {
            begun = sequence;
        }
        below.flush();
        synchronized (this) {
            unflushed.entrySet().removeIf(entry -> {
                boolean done = entry.getValue() <= begun;
                if (done) {
                    flushed.add(entry.getKey());
                }
                return done;
            });
        }
    }

    @Override
    public synchronized void punchHole(long position, long length) throws IOException {
        forget(position, length);
        below.punchHole(position, length);
    }

    @Override
    public synchronized void zero(long position, long length) throws IOException {
        forget(position, length);
        below.zero(position, length);
    }

    /** A cluster that is emptied as a whole begins anew. */
    private void forget(long position, long length) {
        long first = (position + clusterBytes() - 1) / clusterBytes();
        for (long cluster = first; (cluster + 1) * clusterBytes() <= position + length; cluster++) {
            flushed.remove(cluster);
            unflushed.remove(cluster);
        }
        touched(position, length);
    }

    @Override
    public synchronized void truncate(long sizeBytes) throws IOException {
        long first = (sizeBytes + clusterBytes() - 1) / clusterBytes();
        flushed.removeIf(cluster -> cluster >= first);
        unflushed.keySet().removeIf(cluster -> cluster >= first);
        below.truncate(sizeBytes);
    }
}
