package org.tidemark.ploop.server;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import org.tidemark.ploop.device.BlockDevice;
import org.tidemark.ploop.device.ForwardingBlockDevice;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.os.NativeFile;
import org.tidemark.ploop.testing.RawFileDevice;

/** A device server whose devices are plain files, locked like images are. */
public final class RawServerMain {
    private RawServerMain() {}

    public static void main(String[] arguments) throws IOException {
        DeviceServer.run(arguments, () -> RawServerMain::open);
    }

    private static BlockDevice open(AttachRequest request, OpenContext context) throws IOException {
        Optional<NativeFile> kept = context.keeper().take("lock");
        if (kept.isEmpty()) {
            NativeFile lock = NativeFile.open(request.image().path().orElseThrow(), NativeFile.READ_WRITE, 0);
            if (!lock.tryLock(true)) {
                lock.close();
                throw new ImageException(ImageException.Kind.IN_USE, request.image() + ": in use");
            }
            context.keeper().keep("lock", lock);
            lock.close();
        } else {
            kept.get().close();
        }
        long delay = request.options().number("delayNanos", 0);
        RawFileDevice device = new RawFileDevice(Path.of(request.image().toString()), !request.readOnly(), delay);
        return request.options().flag("sharedLock") ? new OneAtATime(device) : device;
    }

    /** What must never be: all devices of the server wait for one lock. For controls of tests of isolation. */
    private static final class OneAtATime extends ForwardingBlockDevice {
        private static final ReentrantLock LOCK = new ReentrantLock(true);

        OneAtATime(BlockDevice below) {
            super(below);
        }

        @Override
        public void read(long offsetBytes, AlignedBuffer dst, int dstOffset, int lengthBytes) throws IOException {
            LOCK.lock();
            try {
                super.read(offsetBytes, dst, dstOffset, lengthBytes);
            } finally {
                LOCK.unlock();
            }
        }
    }
}
