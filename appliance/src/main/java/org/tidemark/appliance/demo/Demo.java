package org.tidemark.appliance.demo;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.persistence.Catalogue;
import org.tidemark.appliance.persistence.ContainerEntry;
import org.tidemark.appliance.service.BackupService;
import org.tidemark.appliance.service.DataPlane;
import org.tidemark.appliance.service.ImageService;
import org.tidemark.appliance.service.Repositories;
import org.tidemark.appliance.service.RestoreService;
import org.tidemark.backup.engine.BackupProgress;
import org.tidemark.backup.engine.NewImage;
import org.tidemark.backup.engine.RestoreProgress;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.ploop.filesystem.ExternalCommand;
import org.tidemark.ploop.filesystem.FileSystemType;
import org.tidemark.ploop.os.Mounts;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;

/**
 * The demonstration, step by step, in a folder of its own with a device server of its own. Whatever happens, nothing stays
 * mounted or attached; the folder goes too unless it shall be kept.
 */
public final class Demo {
    /** Size of the container's disk. */
    public static final long DISK_BYTES = 4L << 30;

    private static final int CLUSTER_BYTES = 1 << 20;
    private static final long TREE_BYTES = 300L << 20;
    private static final String CONTAINER = "demo";
    private static final String TARGET = "demo-target";
    private static final int INCREMENTS = 3;
    private static final long PAUSE_NANOS = 4_000_000_000L;
    private static final Duration STEP_LIMIT = Duration.ofSeconds(120);
    private static final Duration DETACH_LIMIT = Duration.ofSeconds(30);

    private final Path folder;
    private final Consumer<String> say;
    private final BooleanSupplier cancelled;
    private final Catalogue catalogue;
    private final List<Taken> taken = new ArrayList<>();
    private @Nullable Process load;

    /** A point and the moments around it on the monotonic clock. */
    private record Taken(RecoveryPoint point, double seconds, long freezeBegun, long thawed) {}

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
            double seconds) {}

    public Demo(Path folder, Consumer<String> say, BooleanSupplier cancelled) {
        this.folder = folder;
        this.say = say;
        this.cancelled = cancelled;
        this.catalogue = new Catalogue(folder.resolve("state"));
    }

    /** Runs it; throws when anything fails or the proof does not hold. */
    public List<Row> run() throws IOException {
        Files.createDirectories(folder);
        Map<String, String> environment = new TreeMap<>(System.getenv());
        Path run = Path.of("/dev/shm", "tidemark-" + folder.getFileName());
        environment.put("TIDEMARK_RUN", run.toString());
        try (DataPlane plane = DataPlane.connect(environment)) {
            try {
                play(plane);
            } finally {
                cleanUp(plane);
            }
        } finally {
            removeTree(run);
        }
        return taken.stream().map(Demo::row).toList();
    }

    private void play(DataPlane plane) throws IOException {
        Path image = folder.resolve("container");
        Path root = Files.createDirectories(folder.resolve("root"));
        say.accept("making a container image of " + (DISK_BYTES >> 30) + " GiB (GPT, ext4)");
        ImageService.create(new ImageService.Wanted(
                image, NewImage.Layout.FOLDER, "expanded", DISK_BYTES, CLUSTER_BYTES, true, FileSystemType.EXT4));
        ImageService.makeFileSystem(plane, image, FileSystemType.EXT4);
        AttachedDevice device = plane.attach(image, DataPlane.AttachOptions.USUAL);
        Mounts.mount(device.blockDevice(), root, "ext4", 0, null);
        say.accept("attached as " + device.blockDevice() + "; copying a directory tree into it");
        long copied = copyTree(root);
        say.accept("copied " + (copied >> 20) + " MiB; starting a program that writes files and a database in it");
        startLoad(root);
        catalogue.add(new ContainerEntry(CONTAINER, List.of(new ContainerEntry.Image("root", image.toRealPath()))));
        new Repositories(catalogue).add(TARGET, folder.resolve("repository"));
        pause(1_500_000_000L);
        for (int i = 0; i <= INCREMENTS; i++) {
            if (i > 0) {
                pause(PAUSE_NANOS);
            }
            takePoint(plane, i == 0 ? "full backup" : "increment " + i);
        }
        stopLoad();
        say.accept("destroying the image");
        plane.detach(plane.find(image.toString()).orElseThrow(), DETACH_LIMIT);
        removeTree(image);
        proveRestore(plane, taken.get(1));
        proveRestore(plane, taken.get(taken.size() - 1));
    }

    private static Row row(Taken one) {
        RecoveryPoint point = one.point();
        return new Row(
                point.pointId(),
                point.grade().name().toLowerCase(Locale.ROOT),
                (one.thawed() - one.freezeBegun()) / 1e6,
                point.counters().chunksRead(),
                point.counters().chunksChanged(),
                point.counters().chunksShipped(),
                point.counters().bytesStored(),
                one.seconds());
    }

    private void takePoint(DataPlane plane, String what) throws IOException {
        requireLoad();
        BackupService.Outcome outcome =
                new BackupService(catalogue).backup(plane, CONTAINER, TARGET, BackupProgress.SILENT, cancelled);
        RecoveryPoint point = outcome.result().point();
        taken.add(new Taken(
                point,
                outcome.result().seconds(),
                outcome.freezeBegun(),
                outcome.freezeBegun() + outcome.frozenNanos()));
        say.accept(what + ": point " + point.pointId() + ", "
                + String.format(Locale.ROOT, "%.2f s", outcome.result().seconds()) + ", grade "
                + point.grade().name().toLowerCase(Locale.ROOT));
    }

    private void proveRestore(DataPlane plane, Taken one) throws IOException {
        String id = one.point().pointId();
        Path image = folder.resolve("restored-" + id);
        Path root = Files.createDirectories(folder.resolve("root-" + id));
        say.accept("restoring point " + id);
        new RestoreService(catalogue)
                .restore(
                        new RestoreService.Wanted(CONTAINER, id, null, image, null, TARGET),
                        RestoreProgress.SILENT,
                        cancelled);
        AttachedDevice device = plane.attach(image, DataPlane.AttachOptions.USUAL);
        String findings = FileSystemType.EXT4.check(Path.of(device.blockDevice()));
        if (!findings.isEmpty()) {
            throw new IOException("e2fsck finds faults in the restored point " + id + ":\n" + findings);
        }
        Mounts.mount(device.blockDevice(), root, "ext4", 0, null);
        LoadProof.Result result =
                LoadProof.check(root.resolve("load"), folder.resolve("load.log"), one.freezeBegun(), one.thawed());
        plane.detach(device, DETACH_LIMIT);
        if (!result.holds()) {
            throw new IOException("restored point " + id + " is wrong:\n  " + String.join("\n  ", result.violations()));
        }
        say.accept("point " + id + ": e2fsck clean, " + result.files() + " files and " + result.entries()
                + " transfers are what was acknowledged, nothing later is there");
    }

    /** A real tree of some hundred MiB: the running JDK, and more of the system until it is enough. */
    private static long copyTree(Path root) throws IOException {
        Path into = Files.createDirectories(root.resolve("tree"));
        long copied = 0;
        for (Path source : List.of(
                Path.of(System.getProperty("java.home")),
                Path.of("/usr/share/doc"),
                Path.of("/usr/share/locale"),
                Path.of("/usr/lib/python3"),
                Path.of("/usr/lib/x86_64-linux-gnu"))) {
            if (copied >= TREE_BYTES || !Files.isDirectory(source)) {
                continue;
            }
            String name = Objects.requireNonNull(source.getFileName()).toString();
            ExternalCommand.runOk(
                    STEP_LIMIT,
                    "cp",
                    List.of(
                            "-a",
                            "--",
                            source.toRealPath().toString(),
                            into.resolve(name).toString()));
            copied += sizeOf(into.resolve(name));
        }
        return copied;
    }

    private static long sizeOf(Path tree) throws IOException {
        try (Stream<Path> walk = Files.walk(tree)) {
            return walk.filter(Files::isRegularFile).mapToLong(Demo::fileSize).sum();
        }
    }

    private static long fileSize(Path file) {
        try {
            return Files.size(file);
        } catch (IOException e) {
            return 0;
        }
    }

    private void startLoad(Path root) throws IOException {
        Path inside = Files.createDirectories(root.resolve("load"));
        List<String> command = List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-Xmx128m",
                "-Dorg.sqlite.tmpdir=" + folder,
                "-cp",
                System.getProperty("java.class.path"),
                "org.tidemark.appliance.cli.Tidemark",
                "demo-load",
                inside.toString(),
                folder.resolve("load.log").toString(),
                folder.resolve("stop").toString());
        load = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("load.out").toFile())
                .start();
    }

    private void requireLoad() throws IOException {
        Process running = load;
        if (running == null || !running.isAlive()) {
            throw new IOException("the load ended early: "
                    + Files.readString(folder.resolve("load.out")).strip());
        }
    }

    private void stopLoad() throws IOException {
        requireLoad();
        Files.writeString(folder.resolve("stop"), "");
        Process running = Objects.requireNonNull(load);
        try {
            if (!running.waitFor(STEP_LIMIT.toSeconds(), TimeUnit.SECONDS) || running.exitValue() != 0) {
                throw new IOException("the load failed: "
                        + Files.readString(folder.resolve("load.out")).strip());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    private void pause(long nanos) throws IOException {
        long end = System.nanoTime() + nanos;
        while (System.nanoTime() < end) {
            if (cancelled.getAsBoolean()) {
                throw new IOException("cancelled");
            }
            LockSupport.parkNanos(Math.min(100_000_000L, end - System.nanoTime()));
        }
    }

    private void cleanUp(DataPlane plane) throws IOException {
        Process running = load;
        if (running != null) {
            running.destroyForcibly();
            try {
                running.waitFor(10, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        for (AttachedDevice device : plane.client().devices()) {
            plane.detach(device, DETACH_LIMIT);
        }
        plane.client().shutdown();
    }

    /** Removes a folder with everything in it, if it is there. */
    public static void removeTree(Path tree) throws IOException {
        if (!Files.exists(tree)) {
            return;
        }
        List<Path> inside;
        try (Stream<Path> walk = Files.walk(tree)) {
            inside = walk.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path one : inside) {
            Files.deleteIfExists(one);
        }
    }
}
