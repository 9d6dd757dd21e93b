package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.service.DataPlane;
import org.tidemark.appliance.service.DeviceMount;
import org.tidemark.ploop.chain.ImagePlace;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code tidemark attach}. */
@Command(
        name = "attach",
        description = "Make an image a block device of this host, and mount its file system if asked to.",
        mixinStandardHelpOptions = true)
final class AttachCommand implements Callable<Integer> {

    @Mixin
    private Output output = new Output();

    @Mixin
    private DeviceOptions options = new DeviceOptions();

    @Parameters(
            paramLabel = "IMAGE",
            converter = ImagePlaces.class,
            description = "A folder with DiskDescriptor.xml, or a single file; or nfs://SERVER/EXPORT/IMAGE.")
    private ImagePlace image = ImagePlace.of("");

    @Option(names = "--mount", paramLabel = "DIR", description = "Mount the file system there.")
    private @Nullable Path mount;

    @Option(names = "--read-only", description = "Never write to the image.")
    private boolean readOnly;

    @Option(names = "--name", description = "Name of the device (else made from the image's name).")
    private @Nullable String name;

    @Option(names = "--whole-disk", description = "The whole disk, not its first partition.")
    private boolean wholeDisk;

    @Option(
            names = "--recover",
            description =
                    "Attach an image that another host did not close. Only when you know that nobody has it open.")
    private boolean recover;

    @Override
    public Integer call() throws IOException {
        Path where = mount;
        if (where != null && !Files.isDirectory(where)) {
            throw new java.nio.file.NoSuchFileException(where + ": is not a folder to mount at");
        }
        try (DataPlane plane = DataPlane.connect(System.getenv())) {
            AttachedDevice device = plane.attach(
                    image, new DataPlane.AttachOptions(name, readOnly, recover, wholeDisk, false, options.settings()));
            if (where != null) {
                DeviceMount.mount(plane, device, where, readOnly);
            }
            output.object(fields(
                    "device", device.deviceId(),
                    "image", device.image().toString(),
                    "blockDevice", device.blockDevice(),
                    "sizeBytes", device.sizeBytes(),
                    "mountPoint", where == null ? null : where.toString()));
        }
        return ExitCodes.DONE;
    }
}
