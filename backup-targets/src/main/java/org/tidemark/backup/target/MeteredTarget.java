package org.tidemark.backup.target;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.function.Consumer;

/** Counts requests and bytes; changes nothing else. Closing it closes what it wraps. */
public final class MeteredTarget implements BackupTarget {
    private final BackupTarget target;
    private final BackupTarget counted;
    private final RequestCounter counter;
    /** Whether a call is one request, which is counted here. */
    private final boolean countsCalls;

    public MeteredTarget(BackupTarget target) {
        this(target, new RequestCounter());
    }

    public MeteredTarget(BackupTarget target, RequestCounter counter) {
        this.target = target;
        this.counter = counter;
        countsCalls = !(target instanceof SelfCounting);
        counted = target instanceof SelfCounting self ? self.counting(counter) : target;
    }

    /** Requests and bytes so far; failed requests count too, their bytes do not. */
    public record Count(long puts, long gets, long lists, long bytesPut, long bytesGot) {
        public long requests() {
            return puts + gets + lists;
        }
    }

    public Count count() {
        return counter.count();
    }

    @Override
    public void putIfAbsent(String key, List<ByteBuffer> content) throws TargetException {
        if (countsCalls) {
            counter.put();
        }
        counted.putIfAbsent(key, content);
        for (ByteBuffer part : content) {
            counter.bytesPut(part.remaining());
        }
    }

    @Override
    public long get(String key, ByteRange range, ByteBuffer dst) throws TargetException {
        if (countsCalls) {
            counter.get();
        }
        int before = dst.position();
        long sizeBytes = counted.get(key, range, dst);
        counter.bytesGot(dst.position() - before);
        return sizeBytes;
    }

    @Override
    public long stat(String key) throws TargetException {
        if (countsCalls) {
            counter.get();
        }
        return counted.stat(key);
    }

    @Override
    public void list(String prefix, BlobVisitor visitor) throws TargetException {
        if (countsCalls) {
            counter.list();
        }
        counted.list(prefix, visitor);
    }

    @Override
    public void listFolders(String prefix, Consumer<String> visitor) throws TargetException {
        if (countsCalls) {
            counter.list();
        }
        counted.listFolders(prefix, visitor);
    }

    @Override
    public TargetCapabilities capabilities() {
        return target.capabilities();
    }

    @Override
    public void validate() throws TargetException {
        counted.validate();
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
