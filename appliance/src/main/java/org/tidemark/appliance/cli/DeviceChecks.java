package org.tidemark.appliance.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.tidemark.appliance.failure.FailureKind;
import org.tidemark.appliance.service.DataPlane;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;
import org.tidemark.ploop.server.RecordedDevices;
import org.tidemark.ploop.server.RunFolder;

/**
 * Whether the attached devices answer. The kernel is asked, and the device server for what it knows; nothing is read from a device or
 * its image, which could hang as the device does.
 */
final class DeviceChecks {
    private static final String OK = "ok";
    private static final String SERVING = "SERVING";
    private static final long LOOK_MILLIS = 2_000;
    /** In {@code /sys/block/loopN/stat}: what was completed, and what is under way. */
    private static final int[] COMPLETED = {0, 4, 11, 15};

    private static final int UNDER_WAY = 8;

    private DeviceChecks() {}

    /**
     * What was found of one device.
     *
     * @param state "ok", or a word of trouble
     * @param remedy what to do; empty when nothing is to be done
     */
    record Health(String what, String state, String remedy) {
        boolean fit() {
            return state.equals(OK);
        }
    }

    /** What the kernel counts of a device; -1 when it has none. */
    private record Counts(long completed, long underWay) {
        static Counts of(AttachedDevice device) throws IOException {
            Path stat = Path.of("/sys/block/" + Path.of(device.blockDevice()).getFileName() + "/stat");
            if (device.blockDevice().isEmpty() || !Files.isReadable(stat)) {
                return new Counts(-1, -1);
            }
            String[] fields = Files.readString(stat).strip().split("\\s+");
            long completed = 0;
            for (int field : COMPLETED) {
                completed += field < fields.length ? Long.parseLong(fields[field]) : 0;
            }
            return new Counts(completed, Long.parseLong(fields[UNDER_WAY]));
        }

        /** How many requests wait although none was answered since. */
        long stuckSince(Counts before) {
            return completed == before.completed ? Math.max(0, underWay) : 0;
        }
    }

    /** Takes two seconds when there are requests under way, else no time. Starts no device server. */
    static List<Health> all(Map<String, String> environment) {
        try {
            Optional<DataPlane> running = DataPlane.connectIfRunning(environment);
            if (running.isEmpty()) {
                return notServed(RunFolder.ofEnvironment(environment));
            }
            try (DataPlane plane = running.get()) {
                return look(plane.devices());
            }
        } catch (IOException e) {
            return List.of(new Health("device server", RecordedDevices.NO_ANSWER, FailureKind.words(e)));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return List.of();
        }
    }

    /** Devices that were attached, and nobody serves; also those of images that have a device server of their own. */
    static List<Health> notServed(RunFolder run) throws IOException {
        return !run.hasDevices() && run.ownWithDevices().isEmpty()
                ? List.of()
                : List.of(new Health(
                        "device server",
                        RecordedDevices.NOT_RUNNING,
                        "devices are attached, and whoever uses them waits: see the logs in " + run.path()
                                + "; any 'tidemark attach' or the service starts it again"));
    }

    private static List<Health> look(List<AttachedDevice> devices) throws IOException, InterruptedException {
        Map<AttachedDevice, Counts> busy = new LinkedHashMap<>();
        for (AttachedDevice device : devices) {
            Counts counts = Counts.of(device);
            if (counts.underWay() > 0) {
                busy.put(device, counts);
            }
        }
        if (!busy.isEmpty()) {
            TimeUnit.MILLISECONDS.sleep(LOOK_MILLIS);
        }
        List<Health> found = new ArrayList<>();
        for (AttachedDevice device : devices) {
            Counts before = busy.get(device);
            found.add(health(device, before == null ? 0 : Counts.of(device).stuckSince(before)));
        }
        return found;
    }

    /** What the device server knows goes before what can be seen from outside. */
    private static Health health(AttachedDevice device, long stuckRequests) {
        String what = "device " + device.deviceId();
        if (!device.trouble().isEmpty()) {
            return new Health(what, device.state(), device.trouble());
        }
        if (!device.state().equals(SERVING)) {
            return new Health(
                    what,
                    device.state(),
                    "it is being attached, detached or taken over; when that takes long, its disk does not answer: see"
                            + " the disk of " + device.image());
        }
        if (stuckRequests > 0) {
            return new Health(
                    what,
                    "STUCK",
                    stuckRequests + " request(s) wait and none was answered for " + LOOK_MILLIS / 1_000
                            + " s: look again; if it stays so, see the disk of " + device.image()
                            + ". 'tidemark detach --abort " + device.deviceId()
                            + "' gives whoever waits an I/O error");
        }
        return new Health(what, OK, "");
    }
}
