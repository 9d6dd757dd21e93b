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
import org.tidemark.appliance.service.CutOff;
import org.tidemark.appliance.service.DataPlane;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;
import org.tidemark.ploop.server.ControlException;
import org.tidemark.ploop.server.RecordedDevices;
import org.tidemark.ploop.server.RunFolder;
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
                    "By force, also when it is in use, or its disk or its device server hangs: whoever uses it gets I/O"
                            + " errors, and what was not synced is lost. The image is closed when they answer.")
    private boolean abort;

    @Override
    public Integer call() throws IOException {
        try {
            return detach();
        } catch (ControlException e) {
            boolean silent = e.kind() == ControlException.Kind.TIME_OUT;
            Optional<AttachedDevice> found = abort && silent && !which.all
                    ? CutOff.find(RunFolder.ofEnvironment(System.getenv()), which.device)
                    : Optional.empty();
            cutOff(found.orElseThrow(() -> e));
            return ExitCodes.DONE;
        }
    }

    private void cutOff(AttachedDevice found) throws IOException {
        CutOff.cutOff(found);
        output.say(found.deviceId()
                + ": its device server does not answer, so the kernel was told to give up the device. It closes the"
                + " image when it goes on; if it never does, kill it: its successor closes the image");
        output.object(fields("device", found.deviceId(), "detached", true, "imageClosed", false));
    }

    private Integer detach() throws IOException {
        Optional<DataPlane> running = DataPlane.connectIfRunning(System.getenv());
        if (which.all) {
            int code = running.isEmpty() ? ExitCodes.DONE : detachAll(running.get());
            requireNothingLeft(RunFolder.ofEnvironment(System.getenv()));
            return code;
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

    /** Also where nobody answered, or nobody could be asked. */
    static void requireNothingLeft(RunFolder run) throws IOException {
        List<RunFolder> servers = new ArrayList<>(run.own());
        servers.add(run);
        List<String> left = new ArrayList<>();
        for (RunFolder server : servers) {
            for (AttachedDevice one : RecordedDevices.of(server, RecordedDevices.NOT_RUNNING, "")) {
                left.add(one.deviceId());
            }
        }
        if (!left.isEmpty()) {
            throw new ApplianceException(
                    FailureKind.CONFLICT,
                    "still attached: " + String.join(", ", left)
                            + "; their device server does not answer or does not run: any 'tidemark attach' or the"
                            + " service starts it again, then detach them");
        }
    }

    private int detachAll(DataPlane running) throws IOException {
        List<AttachedDevice> devices;
        try (DataPlane plane = running) {
            devices = plane.devices();
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
