package org.tidemark.backup.target.memory;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.BlobKeys;
import org.tidemark.backup.target.BlobVisitor;
import org.tidemark.backup.target.ByteRange;
import org.tidemark.backup.target.TargetCapabilities;
import org.tidemark.backup.target.TargetException;
import org.tidemark.backup.target.TargetException.Kind;
import org.tidemark.backup.target.memory.MemoryFault.Verb;

/** Blobs in memory. One lock over everything; durable as long as the object lives. */
public final class MemoryTarget implements BackupTarget {
    private final Object lock = new Object();
    /** Guarded by lock. */
    private final TreeMap<String, byte[]> blobs = new TreeMap<>();
    /** Keys that listings do not show yet. Guarded by lock. */
    private final Set<String> delayed = new HashSet<>();
    /** Guarded by lock. */
    private MemoryFault.Plan plan = (verb, key, call) -> MemoryFault.NONE;
    /** Guarded by lock. */
    private long calls;

    /**
     * From now on calls go wrong as {@code newPlan} says; the count of calls begins anew, and a listing that lagged behind
     * has caught up.
     */
    public void faults(MemoryFault.Plan newPlan) {
        synchronized (lock) {
            delayed.clear();
            plan = newPlan;
            calls = 0;
        }
    }

    /** Calls since the last {@link #faults}. */
    public long calls() {
        synchronized (lock) {
            return calls;
        }
    }

    /** A copy of everything stored. */
    public Map<String, byte[]> snapshot() {
        synchronized (lock) {
            Map<String, byte[]> copy = new TreeMap<>();
            blobs.forEach((key, bytes) -> copy.put(key, bytes.clone()));
            return copy;
        }
    }

    /**
     * Replaces a stored blob behind the back of everybody, as a failing disk does; removes it when {@code bytes} is
     * empty.
     */
    public void damage(String key, byte[] bytes) {
        synchronized (lock) {
            if (bytes.length == 0) {
                blobs.remove(key);
            } else {
                blobs.put(key, bytes.clone());
            }
        }
    }

    @Override
    public void putIfAbsent(String key, List<ByteBuffer> content) throws TargetException {
        BlobKeys.checked(key);
        byte[] bytes = join(content);
        synchronized (lock) {
            MemoryFault fault = next(Verb.PUT, key);
            if (blobs.containsKey(key)) {
                throw new TargetException(Kind.CONFLICT, key + " exists already on " + describe());
            }
            delayed.clear();
            if (fault == MemoryFault.LOSE) {
                return;
            }
            blobs.put(key, fault == MemoryFault.TRUNCATE ? Arrays.copyOf(bytes, bytes.length / 2) : bytes);
            switch (fault) {
                case LOSE_ANSWER ->
                    throw new TargetException(Kind.RETRYABLE, "no answer to the put of " + key + " from " + describe());
                case DUPLICATE -> throw new TargetException(Kind.CONFLICT, key + " exists already on " + describe());
                case DELAY -> delayed.add(key);
                default -> {}
            }
        }
    }

    @Override
    public long get(String key, ByteRange range, ByteBuffer dst) throws TargetException {
        BlobKeys.checked(key);
        synchronized (lock) {
            MemoryFault fault = next(Verb.GET, key);
            byte[] bytes = found(key);
            int lengthBytes = range.lengthIn(bytes.length);
            if (lengthBytes < 0 || fault == MemoryFault.TRUNCATE) {
                throw new TargetException(
                        Kind.CORRUPT,
                        key + " on " + describe() + " has " + bytes.length + " bytes; " + range.lengthBytes() + " at "
                                + range.offsetBytes() + " were asked for");
            }
            dst.put(bytes, (int) range.startIn(bytes.length), lengthBytes);
            return bytes.length;
        }
    }

    @Override
    public long stat(String key) throws TargetException {
        BlobKeys.checked(key);
        synchronized (lock) {
            next(Verb.STAT, key);
            return found(key).length;
        }
    }

    @Override
    public void list(String prefix, BlobVisitor visitor) throws TargetException {
        BlobKeys.checkedPrefix(prefix);
        TreeMap<String, Long> found = new TreeMap<>();
        synchronized (lock) {
            next(Verb.LIST, prefix);
            blobs.tailMap(prefix).forEach((key, bytes) -> {
                if (key.startsWith(prefix) && !delayed.contains(key)) {
                    found.put(key, (long) bytes.length);
                }
            });
        }
        for (Map.Entry<String, Long> entry : found.entrySet()) {
            visitor.blob(entry.getKey(), entry.getValue());
        }
    }

    @Override
    public void listFolders(String prefix, Consumer<String> visitor) throws TargetException {
        if (!BlobKeys.checkedPrefix(prefix).isEmpty() && !prefix.endsWith("/")) {
            throw new IllegalArgumentException("not a folder: " + prefix);
        }
        TreeSet<String> names = new TreeSet<>();
        list(prefix, (key, sizeBytes) -> {
            int slash = key.indexOf('/', prefix.length());
            if (slash > 0) {
                names.add(key.substring(prefix.length(), slash));
            }
        });
        names.forEach(visitor);
    }

    @Override
    public TargetCapabilities capabilities() {
        return new TargetCapabilities(false, false);
    }

    @Override
    public void validate() throws TargetException {
        synchronized (lock) {
            next(Verb.STAT, "");
        }
    }

    @Override
    public String describe() {
        return "target in memory";
    }

    @Override
    public void close() {}

    private MemoryFault next(Verb verb, String key) throws TargetException {
        MemoryFault fault = plan.next(verb, key, ++calls);
        String where = verb + " " + key + " on " + describe();
        switch (fault) {
            case FAIL -> throw new TargetException(Kind.RETRYABLE, where + " failed; try again");
            case FULL -> throw new TargetException(Kind.FULL, where + ": no room left; make room");
            case UNREACHABLE ->
                throw new TargetException(Kind.UNREACHABLE, where + ": not reachable; check the network");
            default -> {
                return fault;
            }
        }
    }

    private byte[] found(String key) throws TargetException {
        byte[] bytes = blobs.get(key);
        if (bytes == null) {
            throw new TargetException(Kind.NOT_FOUND, "there is no " + key + " on " + describe());
        }
        return bytes;
    }

    private static byte[] join(List<ByteBuffer> content) {
        int lengthBytes = content.stream().mapToInt(ByteBuffer::remaining).sum();
        ByteBuffer joined = ByteBuffer.allocate(lengthBytes);
        content.forEach(part -> joined.put(part.duplicate()));
        return joined.array();
    }
}
