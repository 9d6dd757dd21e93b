package org.tidemark.ploop.device.cbt;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.UUID;

/**
 * Everything a tracker knows but the bits. Immutable; stored as a whole.
 *
 * <pre>
 *   16 tracker id | u64 disk size | u16 n generations, n x { u64 number, u32 file slot }
 *   u16 n consumers, n x { u16 length, name, i64 committed, i64 pending } | u16 length, origin | u8 closed | u16 length, identity
 * </pre>
 *
 * @param generations live generations in ascending order, the last one is current
 * @param consumers checkpoints that are needed, by consumer
 * @param origin why this tracker began, for messages
 * @param closed whether the image was closed properly after this state was stored
 * @param identity what the image looked like then
 */
record TrackerState(
        UUID trackerId,
        long diskSizeBytes,
        List<Live> generations,
        SortedMap<String, Consumer> consumers,
        String origin,
        boolean closed,
        String identity) {
    static final int MAX_CONSUMERS = 15;
    static final int MAX_GENERATIONS = 2 * MAX_CONSUMERS + 2;
    /** Slots in the file: a generation never takes one that the last stored state, or one being stored, still names. */
    static final int FILE_SLOTS = 3 * MAX_GENERATIONS;

    static final int MAX_TEXT_BYTES = 400;
    /** Room for the largest state. */
    static final int MAX_BYTES = 16 * 1024 - 64;

    /** A generation and where its bitmap lies in the tracker's file. */
    record Live(long number, int fileSlot) {}

    /** The generations whose beginnings a consumer needs: of its newest recovery point, and of the backup under way; -1 = none. */
    record Consumer(long committed, long pending) {}

    TrackerState {
        generations = List.copyOf(generations);
        consumers = new TreeMap<>(consumers);
    }

    static TrackerState fresh(UUID trackerId, long diskSizeBytes, String origin) {
        return new TrackerState(trackerId, diskSizeBytes, List.of(new Live(1, 0)), new TreeMap<>(), origin, false, "");
    }

    long current() {
        return generations.get(generations.size() - 1).number();
    }

    TrackerState withGenerations(List<Live> live) {
        return new TrackerState(trackerId, diskSizeBytes, live, consumers, origin, closed, identity);
    }

    TrackerState withConsumer(String name, Consumer consumer) {
        TreeMap<String, Consumer> map = new TreeMap<>(consumers);
        map.put(name, consumer);
        return new TrackerState(trackerId, diskSizeBytes, generations, map, origin, closed, identity);
    }

    TrackerState withoutConsumer(String name) {
        TreeMap<String, Consumer> map = new TreeMap<>(consumers);
        map.remove(name);
        return new TrackerState(trackerId, diskSizeBytes, generations, map, origin, closed, identity);
    }

    TrackerState withClosed(boolean nowClosed, String nowIdentity) {
        return new TrackerState(trackerId, diskSizeBytes, generations, consumers, origin, nowClosed, nowIdentity);
    }

    TrackerState withDiskSize(long newSizeBytes) {
        return new TrackerState(trackerId, newSizeBytes, generations, consumers, origin, closed, identity);
    }

    /** Whether a backup may ask for the changes since this generation's beginning. */
    boolean needs(long generation) {
        return consumers.values().stream().anyMatch(c -> c.committed() == generation || c.pending() == generation);
    }

    boolean usesFileSlot(int slot) {
        return generations.stream().anyMatch(live -> live.fileSlot() == slot);
    }

    /** A file slot that neither this state nor the one in the file nor the one on its way there uses. */
    int freeFileSlot(TrackerState stored, TrackerState storing) {
        for (int slot = 0; slot < FILE_SLOTS; slot++) {
            if (!usesFileSlot(slot) && !stored.usesFileSlot(slot) && !storing.usesFileSlot(slot)) {
                return slot;
            }
        }
        throw new IllegalStateException("more generations than a tracker may have");
    }

    void encode(ByteBuffer out) {
        out.putLong(trackerId.getMostSignificantBits()).putLong(trackerId.getLeastSignificantBits());
        out.putLong(diskSizeBytes);
        out.putShort((short) generations.size());
        for (Live live : generations) {
            out.putLong(live.number()).putInt(live.fileSlot());
        }
        out.putShort((short) consumers.size());
        consumers.forEach((name, consumer) -> {
            putText(out, name);
            out.putLong(consumer.committed()).putLong(consumer.pending());
        });
        putText(out, origin);
        out.put((byte) (closed ? 1 : 0));
        putText(out, identity);
    }

    /** Reads what {@link #encode} wrote; throws a RuntimeException for anything else (the caller checked a checksum). */
    static TrackerState decode(ByteBuffer in) {
        UUID id = new UUID(in.getLong(), in.getLong());
        long diskSizeBytes = in.getLong();
        int generationCount = limited(in.getShort(), MAX_GENERATIONS);
        List<Live> generations = new ArrayList<>();
        for (int i = 0; i < generationCount; i++) {
            generations.add(new Live(in.getLong(), limited(in.getInt(), FILE_SLOTS - 1)));
        }
        int consumerCount = limited(in.getShort(), MAX_CONSUMERS);
        TreeMap<String, Consumer> consumers = new TreeMap<>();
        for (int i = 0; i < consumerCount; i++) {
            consumers.put(getText(in), new Consumer(in.getLong(), in.getLong()));
        }
        String origin = getText(in);
        boolean closed = in.get() == 1;
        return new TrackerState(id, diskSizeBytes, generations, consumers, origin, closed, getText(in));
    }

    private static int limited(int value, int max) {
        if (value < 0 || value > max) {
            throw new IllegalArgumentException("number out of range: " + value);
        }
        return value;
    }

    private static void putText(ByteBuffer out, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        int length = Math.min(bytes.length, MAX_TEXT_BYTES);
        out.putShort((short) length).put(bytes, 0, length);
    }

    private static String getText(ByteBuffer in) {
        byte[] bytes = new byte[limited(in.getShort(), MAX_TEXT_BYTES)];
        in.get(bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }
}
