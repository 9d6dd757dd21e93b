package org.tidemark.backup.testing;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.tidemark.backup.engine.ChangeInfo;
import org.tidemark.backup.engine.DiskSource;
import org.tidemark.backup.repository.log.CbtCheckpoint;

/** A disk that is a byte array, with a tracker of 4 KiB; freezing it copies it. */
public final class ModelDisk {
    private static final int SUB = 4096;

    public final String imageId;
    public byte[] content;
    private final BitSet dirty = new BitSet();
    private final String cbtId;
    private long generation;

    public ModelDisk(String imageId, int sizeBytes) {
        this.imageId = imageId;
        content = new byte[sizeBytes];
        cbtId = "cbt-" + imageId;
    }

    public void write(int offset, byte[] bytes) {
        System.arraycopy(bytes, 0, content, offset, bytes.length);
        dirty.set(offset / SUB, (offset + bytes.length - 1) / SUB + 1);
    }

    /**
     * Some writes as containers make them: small, large, text, noise, zeros, copies of other places, the same again.
     */
    public void writeRandomly(Random random, int writes) {
        for (int i = 0; i < writes; i++) {
            int length = 1 + random.nextInt(random.nextInt(5) == 0 ? 200_000 : 9000);
            length = Math.min(length, content.length);
            int offset = random.nextInt(content.length - length + 1);
            byte[] bytes = new byte[length];
            switch (random.nextInt(6)) {
                case 0 -> {}
                case 1 -> System.arraycopy(content, random.nextInt(content.length - length + 1), bytes, 0, length);
                case 2 -> System.arraycopy(content, offset, bytes, 0, length);
                case 3 -> {
                    for (int j = 0; j < length; j++) {
                        bytes[j] = (byte) ("the tide comes and goes ".charAt(j % 24));
                    }
                }
                default -> random.nextBytes(bytes);
            }
            write(offset, bytes);
        }
    }

    public Source freezeFull(String reason) {
        return freeze(new ChangeInfo.Full(reason), allocated());
    }

    /** What changed since the last freeze. */
    public Source freezeIncremental() {
        return freeze(new ChangeInfo.Incremental(new CbtCheckpoint(cbtId, generation)), (BitSet) dirty.clone());
    }

    /** The last freeze did not lead to a commit: its bits come back. */
    public void mergeBack(Source source) {
        dirty.or(source.ranges);
        generation--;
    }

    private Source freeze(ChangeInfo changes, BitSet ranges) {
        generation++;
        dirty.clear();
        return new Source(imageId, content.clone(), changes, Optional.of(new CbtCheckpoint(cbtId, generation)), ranges);
    }

    private BitSet allocated() {
        BitSet allocated = new BitSet();
        for (int i = 0; i < content.length; i++) {
            if (content[i] != 0) {
                allocated.set(i / SUB);
                i = (i / SUB + 1) * SUB - 1;
            }
        }
        return allocated;
    }

    /** The disk at one instant. Counts what the engine does; fails at the read that is asked for. */
    public static final class Source implements DiskSource {
        public final byte[] frozen;
        public final BitSet ranges;
        public final List<long[]> done = new ArrayList<>();
        public volatile int failAtRead = -1;
        public volatile Runnable onRead = () -> {};
        private int reads;
        private final String imageId;
        private final ChangeInfo changes;
        private final Optional<CbtCheckpoint> checkpoint;

        Source(String imageId, byte[] frozen, ChangeInfo changes, Optional<CbtCheckpoint> checkpoint, BitSet ranges) {
            this.imageId = imageId;
            this.frozen = frozen;
            this.changes = changes;
            this.checkpoint = checkpoint;
            this.ranges = ranges;
        }

        @Override
        public String imageId() {
            return imageId;
        }

        @Override
        public long sizeBytes() {
            return frozen.length;
        }

        @Override
        public ChangeInfo changes() {
            return changes;
        }

        @Override
        public Optional<CbtCheckpoint> checkpoint() {
            return checkpoint;
        }

        @Override
        public void visitRanges(RangeVisitor visitor) throws IOException {
            for (int first = ranges.nextSetBit(0); first >= 0; ) {
                int end = ranges.nextClearBit(first);
                long offset = (long) first * SUB;
                visitor.range(offset, Math.min((long) end * SUB, frozen.length) - offset);
                first = ranges.nextSetBit(end);
            }
        }

        @Override
        public void read(long offsetBytes, ByteBuffer dst, int lengthBytes) throws IOException {
            synchronized (this) {
                if (reads++ == failAtRead) {
                    throw new IOException("the view broke");
                }
            }
            onRead.run();
            dst.put(frozen, (int) offsetBytes, lengthBytes);
        }

        @Override
        public synchronized void done(long offsetBytes, long lengthBytes) {
            done.add(new long[] {offsetBytes, lengthBytes});
        }

        @Override
        public void close() {}
    }
}
