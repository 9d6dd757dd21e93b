package org.tidemark.ploop.io.nfs;

import java.io.IOException;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.KeptMemory;
import org.tidemark.ploop.os.nfs.NfsHandle;

/**
 * The writes to one file that its server has not made durable yet, in the order in which they began: a ring in kept memory.
 *
 * <pre>
 * byte 0     8        12        16             24       32    40    4096
 *      magic version  capacity  file system id file id  tail  head  records ...
 * byte 48    56              60     136
 *      series length of handle handle settle time in ns, as it was when something was sent last
 * series: of locks (see the package page), 0: written without one
 * from byte 1024 on, {@value #DOUBTS} doubts: used (4) verifier known (4) from (8) to (8) verifier (8)
 * record: position (8) length (4) state (4) verifier (8) verifier known (4), padded to 64; data, padded to 64
 * </pre>
 *
 * <p>Tail and head only grow; a place in the ring is such a number modulo the capacity. Whoever dies leaves at every moment
 * a ring that can be read: a record is complete before the head passes it, its data are before its state says ANSWERED,
 * and what is released is released in order, so that a newer write never leaves before an older one of the same bytes.
 *
 * <p>Not synchronised: {@link NfsFile} guards it. The data of a record belong to whoever has reserved it.
 */
final class UncommittedLog {
    /** Reserved, perhaps sent; nobody was told that it is written. */
    static final int UNANSWERED = 1;
    /** The server has taken it. */
    static final int ANSWERED = 2;
    /** Durable, or given up: of no interest any more. */
    static final int RELEASED = 3;

    private static final int FILLER = 4;

    private static final long MAGIC = 0x31474f4c53464e54L;
    private static final int VERSION = 2;
    private static final int HEAD_BYTES = 4096;
    private static final int RECORD_BYTES = 64;

    private static final int AT_VERSION = 8;
    private static final int AT_CAPACITY = 12;
    private static final int AT_FILE_SYSTEM = 16;
    private static final int AT_FILE = 24;
    private static final int AT_TAIL = 32;
    private static final int AT_HEAD = 40;
    private static final int AT_SERIES = 48;
    private static final int AT_HANDLE_LENGTH = 56;
    private static final int AT_HANDLE = 60;
    private static final int AT_SETTLES = 136;
    private static final int AT_DOUBTS = 1024;
    private static final int DOUBT_BYTES = 32;
    static final int DOUBTS = 64;
    private static final int AT_LENGTH = 8;
    private static final int AT_STATE = 12;
    private static final int AT_VERIFIER = 16;
    private static final int AT_VERIFIER_KNOWN = 24;

    private final AlignedBuffer memory;
    private final int capacityBytes;
    private final Deque<Record> records = new ArrayDeque<>();
    private long tail;
    private long head;

    /** One write. */
    static final class Record {
        final long sequence;
        final long position;
        final int length;
        final int dataOffset;
        int state;
        /** On which connection it was answered; 0: one of a process that is gone. */
        long link;
        /** The verifier of the answer, or, while there is none, of the connection that it was sent on. */
        long verifier;

        boolean verifierKnown;
        boolean oneVerifier;
        boolean durable;

        Record(long sequence, long position, int length, int dataOffset, int state) {
            this.sequence = sequence;
            this.position = position;
            this.length = length;
            this.dataOffset = dataOffset;
            this.state = state;
        }

        long end() {
            return position + length;
        }
    }

    private UncommittedLog(AlignedBuffer memory, int capacityBytes) {
        this.memory = memory;
        this.capacityBytes = capacityBytes;
    }

    static int regionBytes(int keptBytes) {
        return HEAD_BYTES + keptBytes;
    }

    /** Opens the log of a file; with what a predecessor left when the region was there. A new one is of no series. */
    static UncommittedLog open(KeptMemory kept, String region, int keptBytes, FileId file, NfsHandle handle)
            throws IOException {
        AlignedBuffer memory = kept.region(region, regionBytes(keptBytes));
        UncommittedLog log = new UncommittedLog(memory, keptBytes);
        if (memory.getLong(0) == 0) {
            memory.putInt(AT_VERSION, VERSION);
            memory.putInt(AT_CAPACITY, keptBytes);
            memory.putLong(AT_FILE_SYSTEM, file.fileSystemId());
            memory.putLong(AT_FILE, file.fileId());
            memory.putLong(AT_SERIES, 0);
            byte[] bytes = handle.bytes();
            memory.putInt(AT_HANDLE_LENGTH, bytes.length);
            memory.bytes().put(AT_HANDLE, bytes);
            VarHandle.releaseFence();
            memory.putLong(0, MAGIC);
            return log;
        }
        if (memory.getLong(0) != MAGIC
                || memory.getInt(AT_VERSION) != VERSION
                || memory.getInt(AT_CAPACITY) != keptBytes
                || memory.getLong(AT_FILE_SYSTEM) != file.fileSystemId()
                || memory.getLong(AT_FILE) != file.fileId()) {
            throw new IOException("the kept writes in '" + region + "' are of another file or another version");
        }
        log.load();
        return log;
    }

    /** Under which series of locks a region was written; 0: none, or there is no such region. */
    static long seriesOf(KeptMemory kept, String region, int keptBytes) throws IOException {
        if (!kept.exists(region)) {
            return 0;
        }
        AlignedBuffer memory = kept.region(region, regionBytes(keptBytes));
        return memory.getLong(0) == MAGIC && memory.getInt(AT_VERSION) == VERSION ? memory.getLong(AT_SERIES) : 0;
    }

    /** Whether the log is of the very file with this handle, not of one that had its number before. */
    boolean isOf(NfsHandle handle) {
        int length = memory.getInt(AT_HANDLE_LENGTH);
        byte[] bytes = handle.bytes();
        return length == bytes.length && memory.bytes().slice(AT_HANDLE, length).equals(ByteBuffer.wrap(bytes));
    }

    /** A request was lost; what may come late has such a time. */
    void settlesIn(long settleNanos) {
        memory.putLong(AT_SETTLES, settleNanos);
    }

    /** How long a request that was lost had to be waited for when something was sent last; 0: nobody knows. */
    long settleNanos() {
        return memory.getLong(AT_SETTLES);
    }

    long series() {
        return memory.getLong(AT_SERIES);
    }

    /** What is in the log from now on is of this series. */
    void setSeries(long series) {
        memory.putLong(AT_SERIES, series);
        VarHandle.releaseFence();
    }

    /** For tests: makes a log say that it is of a series. */
    static void setSeries(AlignedBuffer memory, long series) {
        memory.putLong(AT_SERIES, series);
    }

    private void load() throws IOException {
        tail = memory.getLong(AT_TAIL);
        head = memory.getLong(AT_HEAD);
        if (tail < 0 || head < tail || head - tail > capacityBytes) {
            throw new IOException("the kept writes of a file make no sense: " + tail + " to " + head);
        }
        for (long at = tail; at < head; ) {
            int place = place(at);
            int length = memory.getInt(place + AT_LENGTH);
            int state = memory.getInt(place + AT_STATE);
            long bytes = state == FILLER ? length : sizeOf(length);
            if (length < 0 || state < UNANSWERED || state > FILLER || bytes <= 0 || at + bytes > head) {
                throw new IOException("the kept writes of a file make no sense at " + at);
            }
            if (state != FILLER) {
                Record record = new Record(at, memory.getLong(place), length, place + RECORD_BYTES, state);
                record.verifier = memory.getLong(place + AT_VERIFIER);
                record.verifierKnown = memory.getInt(place + AT_VERIFIER_KNOWN) != 0;
                records.add(record);
            }
            at += bytes;
        }
    }

    private int place(long at) {
        return HEAD_BYTES + (int) (at % capacityBytes);
    }

    private static long sizeOf(int length) {
        return RECORD_BYTES + ((long) length + RECORD_BYTES - 1 & -RECORD_BYTES);
    }

    /** In the order in which they began. */
    Deque<Record> records() {
        return records;
    }

    /** Room for a write; null when there is none. Its data are to be put in before anything is sent. */
    @Nullable
    Record reserve(long position, int length) {
        long bytes = sizeOf(length);
        int room = capacityBytes - (int) (head % capacityBytes);
        long filler = room < bytes ? room : 0;
        if (head + filler + bytes - tail > capacityBytes) {
            return null;
        }
        if (filler > 0) {
            int place = place(head);
            memory.putInt(place + AT_LENGTH, room);
            memory.putInt(place + AT_STATE, FILLER);
        }
        long sequence = head + filler;
        int place = place(sequence);
        memory.putLong(place, position);
        memory.putInt(place + AT_LENGTH, length);
        memory.putInt(place + AT_STATE, UNANSWERED);
        memory.putInt(place + AT_VERIFIER_KNOWN, 0);
        VarHandle.releaseFence();
        head = sequence + bytes;
        memory.putLong(AT_HEAD, head);
        Record record = new Record(sequence, position, length, place + RECORD_BYTES, UNANSWERED);
        records.add(record);
        return record;
    }

    /** Fills a record that is reserved. */
    void put(Record record, AlignedBuffer src, int srcOffset) {
        memory.copyFrom(src, srcOffset, record.dataOffset, record.length);
    }

    /** The bytes of a record from {@code from} to {@code to}, which are positions in the file. */
    ByteBuffer data(Record record, long from, long to) {
        return memory.bytes().slice(record.dataOffset + (int) (from - record.position), (int) (to - from));
    }

    /** Copies a part of a record. */
    void copy(Record record, long from, int length, AlignedBuffer dst, int dstOffset) {
        dst.copyFrom(memory, record.dataOffset + (int) (from - record.position), dstOffset, length);
    }

    /** The record is about to be sent for the first time, to a server with this verifier that settles in such a time. */
    void sending(Record record, long verifier, long settleNanos) {
        memory.putLong(AT_SETTLES, settleNanos);
        int place = record.dataOffset - RECORD_BYTES;
        memory.putLong(place + AT_VERIFIER, verifier);
        VarHandle.releaseFence();
        memory.putInt(place + AT_VERIFIER_KNOWN, 1);
        VarHandle.releaseFence();
    }

    void answered(Record record) {
        setState(record, ANSWERED);
    }

    void release(Record record) {
        setState(record, RELEASED);
    }

    private void setState(Record record, int state) {
        VarHandle.releaseFence();
        memory.putInt(record.dataOffset - RECORD_BYTES + AT_STATE, state);
        record.state = state;
    }

    /** Gives the room of what is released at the tail back. */
    void trim() {
        while (!records.isEmpty() && records.getFirst().state == RELEASED) {
            records.removeFirst();
        }
        long now = records.isEmpty() ? head : records.getFirst().sequence;
        if (now != tail) {
            // A filler before the first record goes with it.
            tail = now;
            VarHandle.releaseFence();
            memory.putLong(AT_TAIL, tail);
        }
    }

    /** Receives one doubt. */
    @FunctionalInterface
    interface DoubtVisitor {
        void doubt(int slot, long from, long to, long verifier, boolean verifierKnown);
    }

    /** Keeps a doubt for a successor; returns its place, or -1 when there are too many. */
    int keepDoubt(long from, long to, long verifier, boolean verifierKnown) {
        for (int slot = 0; slot < DOUBTS - 1; slot++) {
            if (memory.getInt(placeOfDoubt(slot)) == 0) {
                putDoubt(slot, from, to, verifier, verifierKnown);
                return slot;
            }
        }
        return -1;
    }

    /** Keeps one that stands for all others; returns its place. */
    int keepLastDoubt(long from, long to) {
        putDoubt(DOUBTS - 1, from, to, 0, false);
        return DOUBTS - 1;
    }

    private void putDoubt(int slot, long from, long to, long verifier, boolean verifierKnown) {
        int place = placeOfDoubt(slot);
        memory.putInt(place + 4, verifierKnown ? 1 : 0);
        memory.putLong(place + 8, from);
        memory.putLong(place + 16, to);
        memory.putLong(place + 24, verifier);
        VarHandle.releaseFence();
        memory.putInt(place, 1);
        VarHandle.releaseFence();
    }

    void dropDoubt(int slot) {
        if (slot >= 0) {
            VarHandle.releaseFence();
            memory.putInt(placeOfDoubt(slot), 0);
        }
    }

    void doubts(DoubtVisitor visitor) {
        for (int slot = 0; slot < DOUBTS; slot++) {
            int place = placeOfDoubt(slot);
            if (memory.getInt(place) != 0) {
                visitor.doubt(
                        slot,
                        memory.getLong(place + 8),
                        memory.getLong(place + 16),
                        memory.getLong(place + 24),
                        memory.getInt(place + 4) != 0);
            }
        }
    }

    /** Whether somebody was told of a write that is still in it. */
    boolean hasAnswered() {
        return records.stream().anyMatch(record -> record.state == ANSWERED);
    }

    boolean hasDoubts() {
        boolean[] any = new boolean[1];
        doubts((slot, from, to, verifier, verifierKnown) -> any[0] = true);
        return any[0];
    }

    /** For tests: makes a log tell nothing of what was on its way. */
    static void forgetDoubts(AlignedBuffer memory) {
        for (int slot = 0; slot < DOUBTS; slot++) {
            memory.putInt(placeOfDoubt(slot), 0);
        }
        UncommittedLog log = new UncommittedLog(memory, memory.capacity() - HEAD_BYTES);
        try {
            log.load();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        for (Record record : log.records) {
            if (record.state == UNANSWERED) {
                log.release(record);
            }
        }
    }

    private static int placeOfDoubt(int slot) {
        return AT_DOUBTS + slot * DOUBT_BYTES;
    }

    boolean isEmpty() {
        return records.isEmpty();
    }
}
