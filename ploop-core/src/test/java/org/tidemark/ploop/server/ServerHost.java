package org.tidemark.ploop.server;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.check.CheckReport;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;
import org.tidemark.ploop.os.Processes;
import org.tidemark.ploop.testing.Leftovers;

/** A host of a test's own: holder and device server as the product starts them, in a folder on tmpfs. */
public final class ServerHost implements AutoCloseable {
    public static final Duration LIMIT = Duration.ofSeconds(30);

    private static final int CLUSTER_BYTES = 1 << 20;
    private static final long LOOK_EVERY_NANOS = 2_000_000;

    private final String word;
    private final Path folder;
    private final RunFolder run;
    private ControlClient client;

    private ServerHost(String word, Path folder, String serverMain) throws IOException {
        this.word = word;
        this.folder = folder;
        this.run = RunFolder.at(folder.resolve("run"));
        this.client = ServerLauncher.ensureRunning(run, ServerCommand.ofThisJava(serverMain));
    }

    /** Starts both processes, after what an earlier run of the same test left is gone. */
    public static ServerHost start(String word) throws IOException {
        return start(word, DeviceServerMain.class.getName());
    }

    /** The same with another device server. */
    static ServerHost start(String word, String serverMain) throws IOException {
        return new ServerHost(word, Leftovers.freshFolder(word), serverMain);
    }

    public Path folder() {
        return folder;
    }

    public RunFolder run() {
        return run;
    }

    public ControlClient client() {
        return client;
    }

    /** An empty expanded image of one delta, without a partition table. */
    public Path newImage(String name, long sizeBytes) throws IOException {
        Path image = Files.createDirectory(folder.resolve(name));
        ChainFiles.create(new VfsImageDirectory(image), "root.hds", sizeBytes, CLUSTER_BYTES);
        return image;
    }

    public static Path delta(Path image) {
        return image.resolve("root.hds");
    }

    /** Attaches an image; the answer is the path of its block device. */
    public String attach(String deviceId, Path image) throws IOException {
        return client.attach(new AttachRequest(deviceId, image, false, Fields.NONE), LIMIT)
                .blockDevice();
    }

    public static CheckReport check(Path image) throws IOException {
        return ChainCheck.run(AttachedImage.filesOf(image));
    }

    /** Something that comes true by and by. */
    public interface Check {
        boolean holds() throws IOException;
    }

    public static void await(String what, Check check) throws IOException {
        long end = System.nanoTime() + LIMIT.toNanos();
        while (!check.holds()) {
            if (System.nanoTime() - end > 0) {
                throw new AssertionError("not within " + LIMIT + ": " + what);
            }
            LockSupport.parkNanos(LOOK_EVERY_NANOS);
        }
    }

    Processes.Id serverProcess() throws IOException {
        return ServerRecord.read(run).orElseThrow().process();
    }

    /** Kills the device server; returns when another process has taken its place, whatever that one does yet. */
    public void killServer() throws IOException {
        Processes.Id victim = serverProcess();
        victim.signal(Processes.KILL);
        await("a new device server", () -> {
            Processes.Id now = serverProcess();
            return !now.equals(victim) && now.alive();
        });
    }

    /** Connects again, when every device is being served. */
    public void awaitServing() throws IOException {
        client.close();
        await("all devices served", () -> {
            try (ControlClient fresh = ControlClient.connect(run, LIMIT)) {
                return fresh.devices().stream().allMatch(one -> one.state().equals("SERVING"));
            } catch (ControlException e) {
                return false;
            }
        });
        client = ControlClient.connect(run, LIMIT);
    }

    /** Connects to whichever device server runs now. */
    void connectAgain() throws ControlException {
        client.close();
        client = ControlClient.connect(run, LIMIT);
    }

    /** The same, as soon as one listens. */
    void connectWhenReady() throws IOException {
        await("a device server that listens", () -> {
            try {
                connectAgain();
                return true;
            } catch (ControlException e) {
                return false;
            }
        });
    }

    long holderProcess() {
        return holderPid(run);
    }

    /** Kills the holder; returns when its successor has the FUSE descriptors of so many devices. */
    public void killHolder(int devices) throws IOException {
        killHolder(run, devices);
    }

    /** The same of the holder of an image that has one of its own. */
    static void killHolder(RunFolder run, int devices) throws IOException {
        long before = holderPid(run);
        Processes.byPid(before).signal(Processes.KILL);
        await("a new holder with the descriptors", () -> {
            long now = holderPid(run);
            return now > 0 && now != before && descriptors(now, "/dev/fuse") >= devices;
        });
    }

    /** Kills the holder and waits for nothing. */
    void hitHolder() throws IOException {
        Processes.byPid(holderPid(run)).signal(Processes.KILL);
    }

    private static long descriptors(long pid, String target) {
        try (Stream<Path> all = Files.list(Path.of("/proc/" + pid + "/fd"))) {
            return all.filter(one -> pointsTo(one, target)).count();
        } catch (IOException e) {
            return 0;
        }
    }

    private static boolean pointsTo(Path link, String target) {
        try {
            return Files.readSymbolicLink(link).toString().equals(target);
        } catch (IOException e) {
            return false;
        }
    }

    private static long holderPid(RunFolder run) {
        try (Stream<ProcessHandle> processes = ProcessHandle.allProcesses()) {
            return processes
                    .filter(process -> isHolder(process.pid(), run))
                    .mapToLong(ProcessHandle::pid)
                    .findFirst()
                    .orElse(-1);
        }
    }

    private static boolean isHolder(long pid, RunFolder run) {
        try {
            String line = Files.readString(Path.of("/proc/" + pid + "/cmdline"));
            return line.contains(HolderMain.class.getName()) && line.contains("--run=" + run.path() + "\0");
        } catch (IOException e) {
            return false;
        }
    }

    /** The last lines of the device server's log, for a test that failed. */
    public String log() throws IOException {
        Path log = run.logs().resolve("device-server.log");
        return Files.exists(log) ? Files.readString(log) : "";
    }

    @Override
    public void close() throws IOException {
        client.close();
        Leftovers.clear(word);
    }
}
