package org.tidemark.ploop.migrate;

import java.io.IOException;
import java.util.List;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.device.tracker.ImageRange;
import org.tidemark.ploop.device.tracker.WriteTracker;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.ObservedIo;
import org.tidemark.ploop.sim.ForwardingImageIo;

/** A file that somebody writes to whenever it is read, and its tracker. */
final class CopiedFile implements CopySource {
    private final ObservedIo observed;
    private final WriteTracker tracker;
    private final ImageIo read;
    private long cursor;
    private boolean held;
    long throttledTo;

    /** What happens before or after the copier reads. */
    interface Writer {
        void write(ImageIo file) throws IOException;
    }

    CopiedFile(ImageIo file, Writer before, Writer after) throws IOException {
        observed = new ObservedIo(file);
        tracker = WriteTracker.begin(StateArea.inMemory(), 1L << 30);
        observed.observe(tracker);
        read = new ForwardingImageIo(file) {
            @Override
            public void read(long position, AlignedBuffer dst, int dstOffset, int length) throws IOException {
                if (!held) {
                    before.write(observed);
                }
                super.read(position, dst, dstOffset, length);
                if (!held) {
                    after.write(observed);
                }
            }
        };
    }

    @Override
    public ImageIo file() {
        return read;
    }

    @Override
    public String formatId() {
        return "raw";
    }

    @Override
    public long sizeBytes() throws IOException {
        return observed.size();
    }

    @Override
    public List<ImageRange> take() throws IOException {
        List<ImageRange> changed = tracker.marked(cursor, 8, 1 << 20);
        if (changed.isEmpty()) {
            cursor = 0;
            changed = tracker.marked(0, 8, 1 << 20);
        }
        for (ImageRange one : changed) {
            cursor = one.endBytes();
            clear(one);
        }
        return changed;
    }

    @Override
    public void clear(ImageRange range) throws IOException {
        tracker.clear(range);
    }

    @Override
    public long waitingBytes() {
        return tracker.waitingBytes();
    }

    @Override
    public void throttle(long bytesPerSecond) {
        throttledTo = Math.max(throttledTo, bytesPerSecond);
    }

    @Override
    public Pause paused(Body body) throws IOException {
        held = true;
        body.run();
        return new Pause(0, "");
    }

    @Override
    public void close() {}
}
