package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.time.Duration;
import java.util.ArrayList;
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
                description =
                        "Every device, several at a time, as at the end of the host. One that is busy or hangs does"
                                + " not keep the rest.")
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
        boolean closed = detached(plane, found);
        output.object(fields("device", found.deviceId(), "detached", true, "imageClosed", closed));
    }

    /** Whether its image is closed, too. */
    private boolean detached(DataPlane plane, AttachedDevice found) throws IOException {
        if (abort) {
            return plane.abort(found, Duration.ofSeconds(Math.min(limitSeconds, ABORT_SECONDS)));
        }
        plane.detach(found, Duration.ofSeconds(limitSeconds));
        return true;
    }

    private int detachAll(DataPlane running) throws IOException {
        List<AttachedDevice> devices;
        try (DataPlane plane = running) {
            devices = plane.client().devices();
        }
        List<String> busy = new ArrayList<>();
        List<Boolean> conflicts = new ArrayList<>();
        List<String> silent = new DetachAll(this::detachOne, Duration.ofSeconds(limitSeconds)).run(devices, one -> {
            Exception failure = one.failure();
            if (failure == null) {
                output.object(
                        fields("device", one.device().deviceId(), "detached", true, "imageClosed", one.imageClosed()));
            } else {
                conflicts.add(FailureKind.of(failure) == FailureKind.CONFLICT);
                busy.add(one.device().deviceId() + " (" + FailureKind.words(failure) + ")");
                output.say(one.device().deviceId() + ": stays attached");
            }
        });
        int failed = busy.size() + silent.size();
        if (devices.size() > 1) {
            output.say(devices.size() - failed + " of " + devices.size() + " devices detached");
        }
        silent.forEach(one -> busy.add(one + " (no answer)"));
        if (failed > 0) {
            throw new ApplianceException(
                    silent.isEmpty() && !conflicts.contains(false) ? FailureKind.CONFLICT : FailureKind.FAILED,
                    "still attached: " + String.join("; ", busy));
        }
        return ExitCodes.DONE;
    }

    /** By a connection of its own: on one connection a request waits for the one before. */
    private boolean detachOne(AttachedDevice device) throws IOException {
        try (DataPlane plane = DataPlane.connectIfRunning(System.getenv())
                .orElseThrow(() -> new NoSuchFileException("the device server does not run any more"))) {
            return detached(plane, device);
        }
    }
}
