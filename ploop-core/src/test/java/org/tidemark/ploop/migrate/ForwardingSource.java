package org.tidemark.ploop.migrate;

import java.io.IOException;
import java.util.List;
import org.tidemark.ploop.device.tracker.ImageRange;
import org.tidemark.ploop.io.ImageIo;

/** Passes everything on; a base for sources that are wrong in one thing. */
abstract class ForwardingSource implements CopySource {
    private final CopySource below;

    ForwardingSource(CopySource below) {
        this.below = below;
    }

    @Override
    public ImageIo file() {
        return below.file();
    }

    @Override
    public String formatId() {
        return below.formatId();
    }

    @Override
    public long sizeBytes() throws IOException {
        return below.sizeBytes();
    }

    @Override
    public List<ImageRange> take() throws IOException {
        return below.take();
    }

    @Override
    public void clear(ImageRange range) throws IOException {
        below.clear(range);
    }

    @Override
    public long waitingBytes() throws IOException {
        return below.waitingBytes();
    }

    @Override
    public void throttle(long bytesPerSecond) throws IOException {
        below.throttle(bytesPerSecond);
    }

    @Override
    public Pause paused(Body body) throws IOException {
        return below.paused(body);
    }

    @Override
    public void close() throws IOException {
        below.close();
    }
}
