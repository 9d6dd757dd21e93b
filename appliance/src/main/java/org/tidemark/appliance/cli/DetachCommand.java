package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;
import org.tidemark.appliance.service.DataPlane;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code tidemark detach}. */
@Command(
        name = "detach",
        description = "Unmount a device's file system, take the device away and close its image.",
        mixinStandardHelpOptions = true)
final class DetachCommand implements Callable<Integer> {
    /** Nobody has to wait for a disk that does not answer. */
    private static final int ABORT_SECONDS = 5;

    @Mixin
    private Output output = new Output();

    @ArgGroup(multiplicity = "1")
    private Which which = new Which();

    private static final class Which {
        @Parameters(paramLabel = "DEVICE", description = "Name of the device, its image or its block device.")
        private String device = "";

        @Option(
                names = "--all",
                description = "Every device, as at the end of the host. One that is busy does not keep the rest.")
        private boolean all;
    }

    @Option(names = "--limit", defaultValue = "30", description = "Give up after so many seconds (${DEFAULT-VALUE}).")
    private int limitSeconds;

    @Option(
            names = "--abort",
            description =
                    "By force, also when it is in use or its disk hangs: whoever uses it gets I/O errors, and what"
                            + " was not synced is lost. The image is closed when its disk answers.")
    private boolean abort;

    @Override
    public Integer call() throws IOException {
        Optional<DataPlane> running = DataPlane.connectIfRunning(System.getenv());
        if (which.all) {
            return running.isEmpty() ? ExitCodes.DONE : detachAll(running.get());
        }
        try (DataPlane plane = running.orElseThrow(
                () -> new NoSuchFileException("nothing is attached: the device server does not run"))) {
            detach(plane, plane.require(which.device));
        }
        return ExitCodes.DONE;
    }

    private void detach(DataPlane plane, AttachedDevice found) throws IOException {
        boolean closed = true;
        if (abort) {
            closed = plane.abort(found, Duration.ofSeconds(Math.min(limitSeconds, ABORT_SECONDS)));
        } else {
            plane.detach(found, Duration.ofSeconds(limitSeconds));
        }
        output.object(fields("device", found.deviceId(), "detached", true, "imageClosed", closed));
    }

    /** Snapshots beside an image go first: the image cannot be closed properly under them. */
    private int detachAll(DataPlane running) throws IOException {
        List<String> busy = new ArrayList<>();
        boolean conflictOnly = true;
        try (DataPlane plane = running) {
            List<AttachedDevice> devices = new ArrayList<>(plane.client().devices());
            devices.sort(Comparator.comparing(one -> one.level().isEmpty()));
            for (AttachedDevice one : devices) {
                try {
                    detach(plane, one);
                } catch (IOException e) {
                    conflictOnly &= FailureKind.of(e) == FailureKind.CONFLICT;
                    busy.add(one.deviceId() + " (" + FailureKind.words(e) + ")");
                }
            }
        }
        if (!busy.isEmpty()) {
            throw new ApplianceException(
                    conflictOnly ? FailureKind.CONFLICT : FailureKind.FAILED,
                    "still attached: " + String.join("; ", busy));
        }
        return ExitCodes.DONE;
    }
}
