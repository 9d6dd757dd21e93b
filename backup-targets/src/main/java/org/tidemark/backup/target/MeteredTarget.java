package org.tidemark.backup.target;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;

/** Counts requests and bytes; changes nothing else. Closing it closes what it wraps. */
public final class MeteredTarget implements BackupTarget {
    private final BackupTarget target;
    private final LongAdder puts = new LongAdder();
    private final LongAdder gets = new LongAdder();
    private final LongAdder lists = new LongAdder();
    private final LongAdder bytesPut = new LongAdder();
    private final LongAdder bytesGot = new LongAdder();

    public MeteredTarget(BackupTarget target) {
        this.target = target;
    }

    /** Requests and bytes so far; failed requests count too, their bytes do not. */
    public record Count(long puts, long gets, long lists, long bytesPut, long bytesGot) {}

    public Count count() {
        return new Count(puts.sum(), gets.sum(), lists.sum(), bytesPut.sum(), bytesGot.sum());
    }

    @Override
    public void putIfAbsent(String key, List<ByteBuffer> content) throws TargetException {
        puts.increment();
        target.putIfAbsent(key, content);
        for (ByteBuffer part : content) {
            bytesPut.add(part.remaining());
        }
    }

    @Override
    public long get(String key, ByteRange range, ByteBuffer dst) throws TargetException {
        gets.increment();
        int before = dst.position();
        long sizeBytes = target.get(key, range, dst);
        bytesGot.add(dst.position() - before);
        return sizeBytes;
    }

    @Override
    public long stat(String key) throws TargetException {
        gets.increment();
        return target.stat(key);
    }

    @Override
    public void list(String prefix, BlobVisitor visitor) throws TargetException {
        lists.increment();
        target.list(prefix, visitor);
    }

    @Override
    public void listFolders(String prefix, Consumer<String> visitor) throws TargetException {
        lists.increment();
        target.listFolders(prefix, visitor);
    }

    @Override
    public TargetCapabilities capabilities() {
        return target.capabilities();
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
