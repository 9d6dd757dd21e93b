package org.tidemark.ploop.server;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import org.tidemark.ploop.device.tracker.ImageRange;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.migrate.CopySource;

/**
 * The file of an image that leaves this host: where another source pauses the image's users for the last part, this one detaches
 * the image. So the copy is the closed image to the byte, with what its closing wrote, and nobody here writes to it afterwards.
 */
public final class DepartingSource implements CopySource {
    private final CopyClient client;
    private final Departure departure;
    private final Duration detachLimit;
    /** what the last part is. */
    private List<ImageRange> left = List.of();

    private boolean detached;

    /** What happens around the last part. */
    public interface Departure {
        /** Nobody uses the image any more on return, and nothing is mounted from it. */
        void stop() throws IOException;

        /** The image is closed: whoever has to keep others away from it does that now, and makes sure that nobody was there since. */
        void closed() throws IOException;
    }

    public DepartingSource(CopyClient client, Departure departure, Duration detachLimit) {
        this.client = client;
        this.departure = departure;
        this.detachLimit = detachLimit;
    }

    @Override
    public ImageIo file() {
        return client.file();
    }

    @Override
    public String formatId() {
        return client.formatId();
    }

    @Override
    public long sizeBytes() throws IOException {
        return detached ? client.file().size() : client.sizeBytes();
    }

    @Override
    public List<ImageRange> take() throws IOException {
        if (!detached) {
            return client.take();
        }
        List<ImageRange> taken = left;
        left = List.of();
        return taken;
    }

    @Override
    public void clear(ImageRange range) throws IOException {
        client.clear(range);
    }

    @Override
    public long waitingBytes() throws IOException {
        return detached ? left.stream().mapToLong(ImageRange::lengthBytes).sum() : client.waitingBytes();
    }

    @Override
    public void throttle(long bytesPerSecond) throws IOException {
        client.throttle(bytesPerSecond);
    }

    @Override
    public Pause paused(Body body) throws IOException {
        long begun = System.nanoTime();
        departure.stop();
        left = client.detach(detachLimit);
        detached = true;
        departure.closed();
        body.run();
        return new Pause(System.nanoTime() - begun, "");
    }

    /** Whether the image is closed: whoever gives the copy up has to attach it again. */
    public boolean isDetached() {
        return detached;
    }

    @Override
    public void close() throws IOException {
        client.close();
    }
}
