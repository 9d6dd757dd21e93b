package org.tidemark.ploop.sim;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;

/**
 * Which values each sector of a virtual disk may have after a crash: the last one known durable, or any later one. Zeros
 * before the first write.
 *
 * <pre>
 *   model.wrote(offset, bytes);                    // after a write was acknowledged
 *   model.mayHaveWritten(offset, bytes);           // when it failed, or power went off within it
 *   long mark = model.flushBegins(); device.flush(); model.flushEnded(mark);
 *   model.checkVisible(reader);                    // without a crash: the last value
 *   model.checkAfterCrash(reader);                 // after one; what was found is the truth from then on
 * </pre>
 *
 * Discards and zeroes are writes of zeros. Overlapping writes by several threads at once have no order: keep threads to
 * their own ranges. Safe for use by several threads otherwise.
 */
public final class DiskModel {
    private static final int SECTOR_BYTES = SimulatedDisk.SECTOR_BYTES;
    private static final int READ_BYTES = 64 * 1024;
    private static final byte[] ZEROS = new byte[SECTOR_BYTES];

    private final long sizeBytes;
    private final TreeMap<Long, List<Value>> sectors = new TreeMap<>();
    private long sequence;

    private record Value(long sequence, byte[] bytes, boolean acknowledged) {}

    /** Reads the disk under test. */
    @FunctionalInterface
    public interface Reader {
        void read(long offsetBytes, byte[] dst) throws IOException;
    }

    public DiskModel(long sizeBytes) {
        this.sizeBytes = sizeBytes;
    }

    /** The same knowledge, for one of several possible futures. */
    public synchronized DiskModel copy() {
        DiskModel copy = new DiskModel(sizeBytes);
        sectors.forEach((sector, values) -> copy.sectors.put(sector, new ArrayList<>(values)));
        copy.sequence = sequence;
        return copy;
    }

    public void wrote(long offsetBytes, byte[] bytes) {
        add(offsetBytes, bytes, true);
    }

    public void mayHaveWritten(long offsetBytes, byte[] bytes) {
        add(offsetBytes, bytes, false);
    }

    /** A discard or zeroing that was acknowledged. */
    public void zeroed(long offsetBytes, int length) {
        add(offsetBytes, new byte[length], true);
    }

    private synchronized void add(long offsetBytes, byte[] bytes, boolean acknowledged) {
        if (offsetBytes % SECTOR_BYTES != 0
                || bytes.length % SECTOR_BYTES != 0
                || offsetBytes + bytes.length > sizeBytes) {
            throw new IllegalArgumentException("whole sectors on the disk only");
        }
        sequence++;
        for (int at = 0; at < bytes.length; at += SECTOR_BYTES) {
            byte[] sector = Arrays.copyOfRange(bytes, at, at + SECTOR_BYTES);
            values((offsetBytes + at) / SECTOR_BYTES).add(new Value(sequence, sector, acknowledged));
        }
    }

    private List<Value> values(long sector) {
        return sectors.computeIfAbsent(sector, key -> new ArrayList<>(List.of(new Value(0, ZEROS, true))));
    }

    /** Call before the flush; what was written until then is durable when it succeeds. */
    public synchronized long flushBegins() {
        return sequence;
    }

    /** Call after the flush was acknowledged. */
    public synchronized void flushEnded(long mark) {
        for (List<Value> values : sectors.values()) {
            int durable = 0;
            for (int i = 0; i < values.size(); i++) {
                Value value = values.get(i);
                if (value.acknowledged() && value.sequence() <= mark) {
                    durable = i;
                }
            }
            values.subList(0, durable).clear();
        }
    }

    /** Fails unless every sector has its last value (where a later write failed: that one or the last one). */
    public void checkVisible(Reader reader) throws IOException {
        check(reader, false);
    }

    /** Fails unless every sector has a legal value. Afterwards what was found is durable. */
    public void checkAfterCrash(Reader reader) throws IOException {
        check(reader, true);
    }

    private synchronized void check(Reader reader, boolean afterCrash) throws IOException {
        byte[] piece = new byte[READ_BYTES];
        for (long offset = 0; offset < sizeBytes; offset += READ_BYTES) {
            byte[] bytes = sizeBytes - offset < READ_BYTES ? new byte[(int) (sizeBytes - offset)] : piece;
            reader.read(offset, bytes);
            for (int at = 0; at < bytes.length; at += SECTOR_BYTES) {
                checkSector((offset + at) / SECTOR_BYTES, bytes, at, afterCrash);
            }
        }
    }

    private void checkSector(long sector, byte[] bytes, int at, boolean afterCrash) {
        List<Value> values = sectors.get(sector);
        int first = values == null ? 0 : afterCrash ? 0 : lastAcknowledged(values);
        int count = values == null ? 1 : values.size();
        for (int i = first; i < count; i++) {
            byte[] legal = values == null ? ZEROS : values.get(i).bytes();
            if (Arrays.equals(legal, 0, SECTOR_BYTES, bytes, at, at + SECTOR_BYTES)) {
                if (afterCrash && values != null) {
                    Value found = new Value(values.get(i).sequence(), legal, true);
                    values.clear();
                    values.add(found);
                }
                return;
            }
        }
        throw new AssertionError("sector " + sector + " holds none of " + (count - first) + " legal values but "
                + describe(bytes, at) + "; legal: "
                + (values == null
                        ? "zeros"
                        : values.subList(first, count).stream()
                                .map(v -> describe(v.bytes(), 0))
                                .toList()));
    }

    private static int lastAcknowledged(List<Value> values) {
        int last = 0;
        for (int i = 0; i < values.size(); i++) {
            last = values.get(i).acknowledged() ? i : last;
        }
        return last;
    }

    private static String describe(byte[] bytes, int at) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 8; i++) {
            text.append(String.format(java.util.Locale.ROOT, "%02x", bytes[at + i]));
        }
        return text + "...";
    }
}
