package org.tidemark.ploop.server;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.tidemark.ploop.os.LoopDevice;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;
import org.tidemark.ploop.server.ControlClient.Settings;

/**
 * What the run folder of a device server tells of its devices while the server itself tells nothing. Asks nobody who could let
 * wait: no device, no image and no server.
 */
public final class RecordedDevices {
    /** State of devices whose server is there and silent. */
    public static final String NO_ANSWER = "NO ANSWER";

    /** State of devices that are attached, and nobody serves. */
    public static final String NOT_RUNNING = "NOT RUNNING";

    private RecordedDevices() {}

    /**
     * The devices that are recorded there. One whose record is not written yet, or gone meanwhile, is none.
     *
     * @param trouble a sentence, said of each
     */
    public static List<AttachedDevice> of(RunFolder server, String state, String trouble) throws IOException {
        List<AttachedDevice> devices = new ArrayList<>();
        if (!server.hasDevices()) {
            return devices;
        }
        List<Path> folders;
        try (Stream<Path> all = Files.list(server.devices())) {
            folders = all.sorted().toList();
        }
        for (Path folder : folders) {
            Optional<AttachmentRecord> record = AttachmentRecord.read(folder);
            if (record.isPresent()) {
                devices.add(device(server, folder, record.get(), state, trouble));
            }
        }
        return devices;
    }

    private static AttachedDevice device(
            RunFolder server, Path folder, AttachmentRecord record, String state, String trouble) throws IOException {
        AttachRequest request = record.request();
        String blockDevice = LoopDevice.over(folder.resolve("image")).stream()
                .findFirst()
                .map(loop -> loop.path().toString())
                .orElse("");
        return new AttachedDevice(
                server,
                request.deviceId(),
                request.image(),
                !record.writable(),
                state,
                blockDevice,
                record.sizeBytes(),
                request.level(),
                trouble,
                0,
                Settings.of(DeviceSettings.of(request.options()).toFields()));
    }
}
