package org.tidemark.ploop.device.attach.fuse;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.tidemark.ploop.device.attach.DeviceExporter;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.LoopDevice;
import org.tidemark.ploop.os.Mounts;
import org.tidemark.ploop.os.NativeFile;
import org.tidemark.ploop.os.OsException;

/**
 * Makes a device visible as a regular file of a FUSE mount (the mount point is itself a file) with a loop device over it.
 * Needs root, /dev/fuse and loop devices.
 */
public final class FuseLoopExporter implements DeviceExporter {
    /** To begin with; a device whose image has to be waited for gets more by and by. */
    public static final int USUAL_THREADS = 4;

    private static final Logger LOG = System.getLogger(FuseLoopExporter.class.getName());
    private static final Duration UNBIND_LIMIT = Duration.ofSeconds(1);
    private static final String SOURCE = "tidemark";
    private static final String TYPE = "fuse";

    private final Path devicesFolder;
    private final int threadCount;

    /** The mount points become {@code devicesFolder/ID/image}; the folder of the device exists. */
    public FuseLoopExporter(Path devicesFolder, int threadCount) {
        if (threadCount < 1 || threadCount > 64) {
            throw new IllegalArgumentException("serving threads: " + threadCount);
        }
        this.devicesFolder = devicesFolder;
        this.threadCount = threadCount;
    }

    /** Where the image of a device is mounted. */
    public static Path mountPoint(Path devicesFolder, String deviceId) {
        return devicesFolder.resolve(deviceId).resolve("image");
    }

    /**
     * Takes away the mount of a connection that is dead for good, and its loop device. A file system that is still mounted
     * on that one keeps it (and gets errors); it goes with the last unmount. Waits for nobody.
     */
    public static void removeDeadMount(Path mountPoint) throws IOException {
        for (LoopDevice loop : LoopDevice.over(mountPoint)) {
            try {
                loop.detach(UNBIND_LIMIT);
            } catch (OsException e) {
                LOG.log(Level.WARNING, "left behind: " + loop.path() + " over a dead image: " + e.getMessage());
            }
        }
        while (Mounts.at(mountPoint).isPresent()) {
            Mounts.unmountLazily(mountPoint);
        }
    }

    /**
     * Ends a connection whose server may hang: whoever waits for the device, or uses it later, gets an I/O error. The loop
     * device goes with its last user. Waits for nobody.
     */
    public static void abort(Path mountPoint) throws IOException {
        List<LoopDevice> loops = LoopDevice.over(mountPoint);
        while (Mounts.at(mountPoint).isPresent()) {
            Mounts.abort(mountPoint);
        }
        for (LoopDevice loop : loops) {
            try {
                loop.letGo();
            } catch (OsException e) {
                LOG.log(Level.WARNING, "left behind: " + loop.path() + " over an aborted image: " + e.getMessage());
            }
        }
    }

    @Override
    public Connection open(String deviceId) throws IOException {
        Path mountPoint = mountPoint(devicesFolder, deviceId);
        if (!Files.exists(mountPoint)) {
            Files.createFile(mountPoint);
        }
        NativeFile kernelEnd = NativeFile.open("/dev/fuse", NativeFile.READ_WRITE, 0);
        try {
            String options = "fd=" + kernelEnd.fd() + ",rootmode=100600,user_id=0,group_id=0,allow_other,max_read="
                    + FuseWire.MAX_PAYLOAD_BYTES;
            Mounts.mount(SOURCE, mountPoint, TYPE, Mounts.NO_SUID | Mounts.NO_DEV, options);
        } catch (IOException e) {
            kernelEnd.close();
            if (e instanceof OsException os && os.errno() == Errno.ENODEV) {
                throw new IOException("this kernel has no FUSE", e);
            }
            throw e;
        }
        return new FuseConnection(mountPoint, kernelEnd, threadCount);
    }

    @Override
    public Connection resume(String deviceId, NativeFile kernelEnd) {
        return new FuseConnection(mountPoint(devicesFolder, deviceId), kernelEnd, threadCount);
    }
}
