package org.tidemark.appliance.service;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.tidemark.ploop.device.attach.fuse.FuseLoopExporter;
import org.tidemark.ploop.os.Mounts;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;
import org.tidemark.ploop.server.RecordedDevices;
import org.tidemark.ploop.server.RunFolder;

/**
 * Takes a device away whose device server gives no answer. A server may be silent because it waits for memory, the memory for
 * pages that are to be written, and those for the server: only the kernel can end that, and it is told here. Asks nobody
 * who could let wait.
 */
public final class CutOff {
    private CutOff() {}

    /** A device that is recorded in a run folder, or that of a server of one image; by its name, image or block device. */
    public static Optional<AttachedDevice> find(RunFolder run, String word) throws IOException {
        List<RunFolder> servers = new ArrayList<>(run.own());
        servers.add(0, run);
        for (RunFolder server : servers) {
            for (AttachedDevice one : RecordedDevices.of(server, RecordedDevices.NO_ANSWER, "")) {
                // Snapshots beside an image are not meant by its path.
                boolean ofImage =
                        one.level().isEmpty() && one.image().toString().equals(word);
                if (ofImage || one.deviceId().equals(word) || one.blockDevice().equals(word)) {
                    return Optional.of(one);
                }
            }
        }
        return Optional.empty();
    }

    /**
     * From now on whoever uses the device gets I/O errors, and what is mounted from it goes. Its server closes the image as
     * soon as it goes on, or its successor does.
     */
    public static void cutOff(AttachedDevice device) throws IOException {
        List<Path> points = DataPlane.mountPoints(device);
        FuseLoopExporter.abort(FuseLoopExporter.mountPoint(device.server().devices(), device.deviceId()));
        for (Path point : points) {
            Mounts.unmountLazily(point);
        }
    }
}
