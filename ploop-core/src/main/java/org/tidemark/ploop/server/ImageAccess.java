package org.tidemark.ploop.server;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.device.BlockDevice;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.device.front.FullDisk;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.NativeFile;
import org.tidemark.ploop.os.OsException;

/** How the image of one device is opened: with descriptors that the holder keeps, or kept. Not safe for several threads. */
final class ImageAccess {
    private static final Logger LOG = System.getLogger(ImageAccess.class.getName());
    private static final int ATTEMPTS = 20;
    private static final long PAUSE_NANOS = 250_000_000;

    private final String id;
    private final DeviceOpener opener;
    private final HolderLink link;
    private final Map<String, NativeFile> taken = new HashMap<>();

    ImageAccess(String id, DeviceOpener opener, HolderLink link) {
        this.id = id;
        this.opener = opener;
        this.link = link;
    }

    BlockDevice open(AttachmentRecord record, StateArea fresh) throws IOException {
        return opener.open(record.request(), new OpenContext(fresh, new Keeper(), false));
    }

    /** Takes back what the holder keeps of the device, for {@link #openAgain} and {@link #remove}. */
    void takeBack() throws IOException {
        IOException last = null;
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            try {
                taken.putAll(link.take(id));
                return;
            } catch (ControlException e) {
                last = e;
                LOG.log(Level.ERROR, id + ": asking the holder for its descriptors", e);
            }
        }
        throw new IOException(id + ": the holder does not give its descriptors back", last);
    }

    /** A descriptor that was taken back, for the caller to close; null when there was none. */
    @Nullable
    NativeFile remove(String name) {
        return taken.remove(name);
    }

    /**
     * Opens what a predecessor had open. The image's disk may be slow to come back, but the container must not wait for ever:
     * what cannot be opened within seconds becomes a {@link BrokenDevice}. Only for space on a full disk it waits, if that is
     * what its writes do.
     *
     * @param wanted whether somebody still wants it
     */
    BlockDevice openAgain(AttachmentRecord record, StateArea left, BooleanSupplier wanted) throws ControlException {
        OpenContext context = new OpenContext(left, new Keeper(), true);
        boolean waits = DeviceSettings.of(record.request().options()).onFull() == FullDisk.WAIT;
        String why = "";
        for (int attempt = 1; attempt <= ATTEMPTS && wanted.getAsBoolean(); ) {
            try {
                return opener.open(record.request(), context);
            } catch (IOException | RuntimeException e) {
                boolean full = waits && e instanceof OsException os && Errno.isNoSpace(os.errno());
                if (!why.equals(String.valueOf(e.getMessage()))) {
                    LOG.log(Level.ERROR, id + ": opening it again" + (full ? ", as soon as there is space" : ""), e);
                }
                why = String.valueOf(e.getMessage());
                attempt += full ? 0 : 1;
                LockSupport.parkNanos(PAUSE_NANOS);
            }
        }
        return new BrokenDevice(record, why);
    }

    /** Closes what was taken back and nobody uses. */
    void closeUnused() throws IOException {
        for (NativeFile unused : taken.values()) {
            unused.close();
        }
        taken.clear();
    }

    private final class Keeper implements DescriptorKeeper {
        private static final String PREFIX = "image:";

        @Override
        public Optional<NativeFile> take(String name) throws IOException {
            NativeFile kept = taken.get(PREFIX + name);
            return kept == null ? Optional.empty() : Optional.of(kept.duplicate());
        }

        @Override
        public void keep(String name, NativeFile descriptor) throws IOException {
            link.keep(id, PREFIX + name, descriptor);
        }

        @Override
        public void forget(String name) throws IOException {
            link.drop(id, PREFIX + name);
        }
    }
}
