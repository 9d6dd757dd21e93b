package org.tidemark.backup.testing;

import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.BlobVisitor;
import org.tidemark.backup.target.ByteRange;
import org.tidemark.backup.target.TargetCapabilities;
import org.tidemark.backup.target.TargetException;
import org.tidemark.backup.target.TargetException.Kind;
import org.tidemark.backup.target.memory.MemoryFault;
import org.tidemark.backup.target.memory.MemoryFault.Verb;

/** Any target, failing as a plan says. LOSE and TRUNCATE are not to be had here. */
public final class FaultyTarget implements BackupTarget {
    private final BackupTarget target;
    private final int preferredReadBytes;
    private final AtomicLong calls = new AtomicLong();
    /** Keys that listings do not show yet. Guarded by itself. */
    private final Set<String> delayed = new HashSet<>();

    private volatile MemoryFault.Plan plan = (verb, key, call) -> MemoryFault.NONE;

    public FaultyTarget(BackupTarget target) {
        this(target, target.capabilities().preferredReadBytes());
    }

    /** One that says that requests cost something. */
    public FaultyTarget(BackupTarget target, int preferredReadBytes) {
        this.target = target;
        this.preferredReadBytes = preferredReadBytes;
    }

    /** From now on calls go wrong as {@code newPlan} says; the count of calls begins anew. */
    public void faults(MemoryFault.Plan newPlan) {
        synchronized (delayed) {
            delayed.clear();
        }
        plan = newPlan;
        calls.set(0);
    }

    /** A copy of everything stored. */
    public Map<String, byte[]> snapshot() throws TargetException {
        Map<String, byte[]> copy = new TreeMap<>();
        target.list("", (key, sizeBytes) -> {
            byte[] bytes = new byte[(int) sizeBytes];
            target.get(key, ByteRange.head(bytes.length), ByteBuffer.wrap(bytes));
            copy.put(key, bytes);
        });
        return copy;
    }

    private MemoryFault next(Verb verb, String key) throws TargetException {
        MemoryFault fault = plan.next(verb, key, calls.incrementAndGet());
        String where = verb + " " + key + " on " + describe();
        switch (fault) {
            case FAIL -> throw new TargetException(Kind.RETRYABLE, where + " failed; try again");
            case FULL -> throw new TargetException(Kind.FULL, where + ": no room left; make room");
            case UNREACHABLE -> throw new TargetException(Kind.UNREACHABLE, where + ": not reachable");
            default -> {
                return fault;
            }
        }
    }

    @Override
    public void putIfAbsent(String key, List<ByteBuffer> content) throws TargetException {
        MemoryFault fault = next(Verb.PUT, key);
        target.putIfAbsent(key, content);
        synchronized (delayed) {
            delayed.clear();
            if (fault == MemoryFault.DELAY) {
                delayed.add(key);
            }
        }
        if (fault == MemoryFault.LOSE_ANSWER) {
            throw new TargetException(Kind.RETRYABLE, "no answer to the put of " + key);
        }
        if (fault == MemoryFault.DUPLICATE) {
            throw new TargetException(Kind.CONFLICT, key + " exists already");
        }
    }

    @Override
    public long get(String key, ByteRange range, ByteBuffer dst) throws TargetException {
        next(Verb.GET, key);
        return target.get(key, range, dst);
    }

    @Override
    public long stat(String key) throws TargetException {
        next(Verb.STAT, key);
        return target.stat(key);
    }

    @Override
    public void list(String prefix, BlobVisitor visitor) throws TargetException {
        next(Verb.LIST, prefix);
        Set<String> hidden;
        synchronized (delayed) {
            hidden = Set.copyOf(delayed);
        }
        target.list(prefix, (key, sizeBytes) -> {
            if (!hidden.contains(key)) {
                visitor.blob(key, sizeBytes);
            }
        });
    }

    @Override
    public void listFolders(String prefix, Consumer<String> visitor) throws TargetException {
        next(Verb.LIST, prefix);
        target.listFolders(prefix, visitor);
    }

    @Override
    public TargetCapabilities capabilities() {
        TargetCapabilities capabilities = target.capabilities();
        return new TargetCapabilities(capabilities.durable(), capabilities.shared(), preferredReadBytes);
    }

    @Override
    public void validate() throws TargetException {
        target.validate();
    }

    @Override
    public String describe() {
        return target.describe();
    }

    @Override
    public void close() {
        target.close();
    }
}
