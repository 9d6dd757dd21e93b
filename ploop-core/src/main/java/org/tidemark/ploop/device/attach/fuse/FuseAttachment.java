package org.tidemark.ploop.device.attach.fuse;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.device.attach.Attachment;
import org.tidemark.ploop.device.attach.LoopWindow;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.LoopDevice;
import org.tidemark.ploop.os.Mounts;
import org.tidemark.ploop.os.NativeFile;
import org.tidemark.ploop.os.OsException;
import org.tidemark.ploop.os.Processes;

/** A mounted and served image file, normally with a loop device over it. */
final class FuseAttachment implements Attachment {
    private static final long PAUSE_NANOS = 5_000_000;

    private final Path mountPoint;
    private final NativeFile kernelEnd;
    private final FuseServer server;
    private volatile @Nullable LoopDevice loop;

    FuseAttachment(Path mountPoint, NativeFile kernelEnd, FuseServer server) {
        this.mountPoint = mountPoint;
        this.kernelEnd = kernelEnd;
        this.server = server;
    }

    void bind(LoopDevice bound) {
        loop = bound;
    }

    @Override
    public Path blockDevice() {
        LoopDevice bound = loop;
        if (bound == null) {
            throw new IllegalStateException(mountPoint + ": no loop device");
        }
        return bound.path();
    }

    @Override
    public boolean hasBlockDevice() {
        return loop != null;
    }

    @Override
    public boolean serving() {
        return server.serving();
    }

    @Override
    public void whenEnded(Runnable act) {
        server.whenEnded(act);
    }

    @Override
    public synchronized void show(LoopWindow window) throws IOException {
        LoopDevice bound = loop;
        if (bound == null) {
            throw new IllegalStateException(mountPoint + ": no loop device");
        }
        server.file().show(window);
        long end = server.file().sizeBytes();
        try (NativeFile image = NativeFile.open(mountPoint, NativeFile.READ_WRITE, 0)) {
            // The kernel believes the size that it sets itself, and no other.
            image.truncate(end);
        }
        bound.reload();
        if (bound.sizeBytes() != end - window.offsetBytes()) {
            throw new OsException(
                    "make it " + (end - window.offsetBytes())
                            + " bytes large, which it becomes when it is detached and attached again",
                    bound.path().toString(),
                    Errno.EBUSY);
        }
    }

    /** Repeatable after a failure at any of its steps, also by a successor: it asks the kernel what is left to do. */
    @Override
    public synchronized void detach(Duration limit) throws IOException {
        long end = System.nanoTime() + limit.toNanos();
        for (LoopDevice bound : LoopDevice.over(mountPoint)) {
            bound.awaitUnused(limit);
            bound.detach(rest(end));
        }
        // The loop device has gone: from here on there is no way back, so that the last steps get their time.
        awaitClosed(System.nanoTime() + rest(end).toNanos());
        if (Mounts.at(mountPoint).isPresent()) {
            // By force, which ends the connection: a plain unmount leaves it to the mount namespaces that have copied
            // it.
            Mounts.abort(mountPoint);
        }
        if (!server.awaitEnd(rest(end))) {
            throw new OsException("waiting for the last requests", mountPoint.toString(), Errno.ETIMEDOUT);
        }
        kernelEnd.close();
    }

    /** Waits until no program has the file open. */
    private void awaitClosed(long endNanos) throws IOException {
        while (Processes.anotherWithOpen(mountPoint).isPresent()) {
            if (System.nanoTime() - endNanos > 0) {
                throw new OsException("unmount", mountPoint.toString(), Errno.EBUSY);
            }
            LockSupport.parkNanos(PAUSE_NANOS);
        }
    }

    /** What is left of a limit, a second at least. */
    private static Duration rest(long endNanos) {
        return Duration.ofNanos(Math.max(1_000_000_000L, endNanos - System.nanoTime()));
    }
}
