package org.tidemark.appliance.demo;

import static org.tidemark.appliance.client.ApplianceClient.body;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.client.Answer;
import org.tidemark.appliance.client.ApplianceClient;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;
import org.tidemark.appliance.service.DataPlane;
import org.tidemark.appliance.service.ImageService;
import org.tidemark.backup.engine.NewImage;
import org.tidemark.ploop.chain.ImagePlace;
import org.tidemark.ploop.filesystem.FileSystemType;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;
import org.tidemark.ploop.server.RunFolder;

/**
 * The demonstration, step by step, through an appliance of its own and its interface, in a folder of its own. Whatever happens,
 * nothing stays mounted, attached or running, unless it shall be kept.
 */
public final class Demo {
    /** Size of the container's disk. */
    public static final long DISK_BYTES = 4L << 30;

    private static final int CLUSTER_BYTES = 1 << 20;
    private static final String CONTAINER = "demo";
    private static final String TARGET = "demo-target";
    private static final int INCREMENTS = 3;
    private static final long PAUSE_NANOS = 4_000_000_000L;
    private static final int POLICY_SECONDS = 300;
    private static final Duration DETACH_LIMIT = Duration.ofSeconds(30);

    private final Setting setting;
    private final Consumer<String> say;
    private final BooleanSupplier cancelled;
    private final ApplianceProcess appliance;
    private final List<Answer> taken = new ArrayList<>();
    private @Nullable ApplianceClient client;
    private boolean kept;

    /**
     * How it is played.
     *
     * @param folder a new folder for everything
     * @param target a target as it is posted, without its name; null for a folder in the folder
     * @param keep leaves everything up in the end
     * @param listen where the appliance listens
     */
    public record Setting(Path folder, @Nullable Map<String, Object> target, boolean keep, String listen) {
        /** On tmpfs, as it must be. */
        Path run() {
            return Path.of("/dev/shm", "tidemark-" + folder.getFileName());
        }
    }

    /**
     * One line of the result.
     *
     * @param point id of the recovery point
     * @param freezeMillis with a fraction
     */
    public record Row(
            String point,
            String grade,
            double freezeMillis,
            long chunksRead,
            long chunksChanged,
            long chunksShipped,
            long bytesStored,
            long requests,
            double seconds) {
        static Row of(Answer result) {
            return new Row(
                    result.text("pointId"),
                    result.text("grade").toLowerCase(Locale.ROOT),
                    result.number("frozenNanos") / 1e6,
                    result.number("chunksRead"),
                    result.number("chunksChanged"),
                    result.number("chunksShipped"),
                    result.number("bytesStored"),
                    result.number("requests"),
                    result.fraction("seconds"));
        }
    }

    public Demo(Setting setting, Consumer<String> say, BooleanSupplier cancelled) {
        this.setting = setting;
        this.say = say;
        this.cancelled = cancelled;
        this.appliance = ApplianceProcess.of(
                        setting.folder().resolve("state"),
                        setting.run(),
                        setting.folder().resolve("appliance.log"))
                .withListen(setting.listen())
                .withJvm("-Xmx512m");
    }

    /** Runs it; throws when anything fails or the proof does not hold. */
    public List<Row> run() throws IOException {
        Files.createDirectories(setting.folder());
        try {
            say.accept("starting an appliance");
            appliance.start();
            client = ApplianceClient.ofStateFolder(appliance.state());
            say.accept("it listens on " + appliance.url());
            play();
            if (setting.keep()) {
                keep();
            }
        } finally {
            if (!kept) {
                cleanUp();
            }
        }
        return taken.stream().map(Row::of).toList();
    }

    private ApplianceClient api() {
        ApplianceClient known = client;
        if (known == null) {
            throw new IllegalStateException("the appliance does not run yet");
        }
        return known;
    }

    private void play() throws IOException {
        Path image = setting.folder().resolve("container");
        Path root = Files.createDirectories(setting.folder().resolve("root"));
        addTarget();
        say.accept("making a container image of " + (DISK_BYTES >> 30) + " GiB (GPT, ext4)");
        ImageService.create(new ImageService.Wanted(
                ImagePlace.of(image),
                NewImage.Layout.FOLDER,
                "expanded",
                DISK_BYTES,
                CLUSTER_BYTES,
                true,
                FileSystemType.EXT4));
        try (DataPlane plane = DataPlane.connect(RunFolder.at(setting.run()), false)) {
            ImageService.makeFileSystem(plane, ImagePlace.of(image), FileSystemType.EXT4);
        }
        Answer device = api().post("/devices", body("image", image.toString(), "mount", root.toString()));
        say.accept("attached as " + device.text("blockDevice") + "; copying a directory tree into it");
        long copied = DemoHost.copyTree(root);
        say.accept("copied " + (copied >> 20) + " MiB; starting a program that writes files and a database in it");
        Path log;
        try (LoadProcess load = LoadProcess.start(Files.createDirectories(root.resolve("load")), setting.folder())) {
            log = load.log();
            api().post("/containers", body("name", CONTAINER, "mount", root.toString()));
            pause(1_500_000_000L);
            for (int i = 0; i <= INCREMENTS; i++) {
                if (i > 0) {
                    pause(PAUSE_NANOS);
                }
                load.demandRunning();
                takePoint(i == 0 ? "full backup" : "increment " + i);
            }
            load.stop();
        }
        say.accept("destroying the image");
        api().delete("/devices/" + device.text("deviceId"));
        DemoHost.removeTree(image);
        proveRestore(taken.get(1), log, false);
        proveRestore(taken.get(taken.size() - 1), log, setting.keep());
    }

    private void addTarget() throws IOException {
        Map<String, @Nullable Object> request = body("name", TARGET);
        if (setting.target() == null) {
            request.put("kind", "LOCAL");
            request.put(
                    "local",
                    Map.of("path", setting.folder().resolve("repository").toString()));
        } else {
            request.putAll(setting.target());
        }
        Answer target = api().post("/targets", request);
        say.accept("target " + target.text("address") + " passed its test");
        if (target.has("notice")) {
            say.accept("note: " + target.text("notice"));
        }
    }

    private Answer job(Map<String, @Nullable Object> request) throws IOException {
        if (cancelled.getAsBoolean()) {
            throw new ApplianceException(FailureKind.CANCELLED, "cancelled");
        }
        return ApplianceClient.demandSuccess(api().run(request)).object("result");
    }

    private void takePoint(String what) throws IOException {
        Answer result = job(body("kind", "BACKUP", "container", CONTAINER));
        taken.add(result);
        say.accept(what + ": point " + result.text("pointId") + ", "
                + String.format(Locale.ROOT, "%.2f s", result.fraction("seconds")) + ", grade "
                + result.text("grade").toLowerCase(Locale.ROOT));
    }

    private void proveRestore(Answer one, Path log, boolean leaveMounted) throws IOException {
        String id = one.text("pointId");
        Path image = setting.folder().resolve("restored-" + id);
        say.accept("restoring point " + id);
        PointProof.Outcome proof =
                PointProof.of(api(), CONTAINER, one, image, setting.folder().resolve("root-" + id), log);
        if (!leaveMounted) {
            api().delete("/devices/" + proof.deviceId());
        }
        if (!proof.holds()) {
            throw new IOException("restored point " + id + " is wrong:\n  " + proof.words());
        }
        say.accept("point " + id + ": e2fsck clean, " + proof.load().files() + " files and "
                + proof.load().entries() + " transfers are what was acknowledged, nothing later is there");
        if (leaveMounted) {
            api().put(
                            "/containers/" + CONTAINER,
                            Map.of("images", List.of(Map.of("id", "root", "path", image.toString()))));
        }
    }

    /** The restored container goes on, and is backed up every five minutes. */
    private void keep() throws IOException {
        api().post(
                        "/policies",
                        body(
                                "name",
                                "every-five-minutes",
                                "containers",
                                List.of(CONTAINER),
                                "target",
                                TARGET,
                                "schedule",
                                Map.of("kind", "EVERY", "everySeconds", POLICY_SECONDS),
                                "retention",
                                Map.of("last", 12, "hourly", 24)));
        kept = true;
        say.accept("container '" + CONTAINER + "' goes on from the last point and is backed up every five minutes");
        say.accept("look at it: " + appliance.setupLink().orElse(appliance.url()));
        say.accept("the command line: TIDEMARK_STATE=" + appliance.state() + " TIDEMARK_RUN=" + setting.run()
                + " ./tidemark status");
        say.accept("end and remove it: ./tidemark demo --remove " + setting.folder());
    }

    private void pause(long nanos) throws IOException {
        long end = System.nanoTime() + nanos;
        while (System.nanoTime() < end) {
            if (cancelled.getAsBoolean()) {
                throw new ApplianceException(FailureKind.CANCELLED, "cancelled");
            }
            LockSupport.parkNanos(Math.min(100_000_000L, end - System.nanoTime()));
        }
    }

    private void cleanUp() throws IOException {
        appliance.kill();
        takeDown(setting);
        appliance.close();
        DemoHost.removeTree(setting.run());
    }

    /** Detaches everything and ends device server and holder; the appliance is dead already. */
    private static void takeDown(Setting setting) throws IOException {
        if (!Files.isDirectory(setting.run())) {
            return;
        }
        try (DataPlane plane = DataPlane.connect(RunFolder.at(setting.run()), false)) {
            for (AttachedDevice device : plane.devices()) {
                plane.detach(device, DETACH_LIMIT);
            }
            plane.client().shutdown();
        }
    }

    /** Removes a demonstration that was kept, with everything that runs. */
    public static void remove(Path folder) throws IOException {
        Path real = folder.toRealPath();
        if (!Files.exists(real.resolve("appliance.log")) || !Files.isDirectory(real.resolve("state"))) {
            throw ApplianceException.usage(folder + " is not the folder of a demonstration");
        }
        Setting setting = new Setting(real, null, false, "127.0.0.1:0");
        ProcessHandle.allProcesses()
                .filter(process -> process.info()
                        .arguments()
                        .map(words -> List.of(words).contains("--state=" + real.resolve("state")))
                        .orElse(false))
                .forEach(process -> {
                    process.destroyForcibly();
                    process.onExit()
                            .orTimeout(10, java.util.concurrent.TimeUnit.SECONDS)
                            .join();
                });
        takeDown(setting);
        DemoHost.removeTree(setting.run());
        DemoHost.removeTree(real);
    }

    /** Removes a folder with everything in it, if it is there. */
    public static void removeTree(Path tree) throws IOException {
        DemoHost.removeTree(tree);
    }
}
