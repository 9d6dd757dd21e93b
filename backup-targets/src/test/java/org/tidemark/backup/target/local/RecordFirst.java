package org.tidemark.backup.target.local;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.BlobVisitor;
import org.tidemark.backup.target.ByteRange;
import org.tidemark.backup.target.TargetCapabilities;
import org.tidemark.backup.target.TargetException;

/** The mistake: keeps packs back until the record is written. */
final class RecordFirst implements BackupTarget {
    private final BackupTarget target;
    private final Map<String, ByteBuffer> kept = new HashMap<>();

    RecordFirst(BackupTarget target) {
        this.target = target;
    }

    @Override
    public synchronized void putIfAbsent(String key, List<ByteBuffer> content) throws TargetException {
        if (key.startsWith("pack/")) {
            ByteBuffer copy = ByteBuffer.allocate(
                    content.stream().mapToInt(ByteBuffer::remaining).sum());
            content.forEach(part -> copy.put(part.duplicate()));
            kept.put(key, copy.flip());
            return;
        }
        target.putIfAbsent(key, content);
        for (Map.Entry<String, ByteBuffer> pack : new ArrayList<>(kept.entrySet())) {
            target.putIfAbsent(pack.getKey(), List.of(pack.getValue()));
        }
        kept.clear();
    }

    @Override
    public long get(String key, ByteRange range, ByteBuffer dst) throws TargetException {
        return target.get(key, range, dst);
    }

    @Override
    public long stat(String key) throws TargetException {
        return target.stat(key);
    }

    @Override
    public void list(String prefix, BlobVisitor visitor) throws TargetException {
        target.list(prefix, visitor);
    }

    @Override
    public void listFolders(String prefix, Consumer<String> visitor) throws TargetException {
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
