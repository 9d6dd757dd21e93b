package org.tidemark.ploop.testing;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.tidemark.ploop.os.nfs.NfsServer;

/**
 * A real NFS server, nfs-ganesha, started by benchmarks/nfs-server.sh in a network of its own; closing it ends it. A test that
 * uses it {@code @Requires} "root", "ganesha.nfsd", "rpcbind" and "ip".
 */
public final class NfsServerProcess implements AutoCloseable {
    /** What the exported folder is to a client of version 4. */
    public static final String PSEUDO = "/export";

    private static final String FOLDER = "tidemark-nfs-";
    private static final String BALLAST = "ballast";
    private static final Duration LIMIT = Duration.ofSeconds(40);
    private static final int LOG_CHARACTERS = 4000;

    private final Path folder;
    private final String address;

    private NfsServerProcess(Path folder, String address) {
        this.folder = folder;
        this.address = address;
    }

    /** With a folder of the machine's disk as its export. */
    public static NfsServerProcess start() throws IOException, InterruptedException {
        return start(0);
    }

    /** With an ext4 of {@code sizeMib} as its export; 0: a folder of the machine's disk. */
    public static NfsServerProcess start(int sizeMib) throws IOException, InterruptedException {
        return start(sizeMib, "3");
    }

    /** The same for version 4 as well, to which the exported folder is {@link #PSEUDO}. */
    public static NfsServerProcess startWithVersion4(int sizeMib) throws IOException, InterruptedException {
        return start(sizeMib, "3, 4");
    }

    private static NfsServerProcess start(int sizeMib, String versions) throws IOException, InterruptedException {
        removeLeftovers();
        Path folder = parent().resolve(FOLDER + ProcessHandle.current().pid() + "-" + System.nanoTime() % 1_000_000);
        String said = script("start", folder.toString(), Integer.toString(sizeMib), versions);
        String address = said.lines()
                .filter(line -> line.startsWith("server="))
                .findFirst()
                .orElseThrow()
                .substring("server=".length());
        return new NfsServerProcess(folder, address);
    }

    private static Path parent() {
        return Path.of("/var/tmp");
    }

    /** What a JVM that was killed left running. */
    private static void removeLeftovers() throws IOException, InterruptedException {
        try (DirectoryStream<Path> found = Files.newDirectoryStream(parent(), FOLDER + "*")) {
            for (Path left : found) {
                String pid =
                        left.getFileName().toString().substring(FOLDER.length()).split("-")[0];
                if (pid.matches("[0-9]{1,9}")
                        && ProcessHandle.of(Long.parseLong(pid)).isEmpty()) {
                    script("stop", left.toString());
                }
            }
        }
    }

    public String address() {
        return address;
    }

    public NfsServer server() {
        return NfsServer.of(address);
    }

    /** The exported folder: its path on this host, and what a client mounts. */
    public Path export() {
        return folder.resolve("export");
    }

    public void kill() throws IOException, InterruptedException {
        script("kill", folder.toString());
    }

    /** Ends it in order: the port mapper, which stays, does not know it any more. */
    public void end() throws IOException, InterruptedException {
        script("end", folder.toString());
    }

    /** Starts it again after {@link #kill} or {@link #end}. */
    public void run() throws IOException, InterruptedException {
        script("run", folder.toString());
    }

    public void bounce() throws IOException, InterruptedException {
        kill();
        run();
    }

    /** It answers nothing until {@link #resume}. */
    public void stall() throws IOException, InterruptedException {
        script("stall", folder.toString());
    }

    public void resume() throws IOException, InterruptedException {
        script("resume", folder.toString());
    }

    /** Starts it again with options of its export changed, such as "Access_Type = RW" to "Access_Type = RO". */
    public void changeExport(String... fromTo) throws IOException, InterruptedException {
        kill();
        Path exports = folder.resolve("exports.conf");
        String text = Files.readString(exports);
        for (int i = 0; i < fromTo.length; i += 2) {
            if (!text.contains(fromTo[i])) {
                throw new AssertionError("no '" + fromTo[i] + "' in " + text);
            }
            text = text.replace(fromTo[i], fromTo[i + 1]);
        }
        Files.writeString(exports, text);
        run();
    }

    /** Leaves about {@code leftMib} of the export's file system free, with a file that {@link #makeRoom} removes. */
    public void fillUp(int leftMib) throws IOException, InterruptedException {
        Path ballast = export().resolve(BALLAST);
        long free = Files.getFileStore(export()).getUnallocatedSpace() - ((long) leftMib << 20);
        if (leftMib > 0) {
            Commands.run(LIMIT, "fallocate", "-l", Long.toString(free), ballast.toString());
        } else {
            for (String block : List.of("1M", "4k")) {
                Commands.tryRun(
                        LIMIT,
                        "dd",
                        "if=/dev/zero",
                        "of=" + ballast,
                        "bs=" + block,
                        "oflag=append",
                        "conv=notrunc,fsync",
                        "status=none");
            }
        }
    }

    public void makeRoom() throws IOException {
        Files.delete(export().resolve(BALLAST));
    }

    /** The end of the log of what runs as the server now. */
    public String log() throws IOException {
        String log = Files.readString(folder.resolve("ganesha.log"));
        return log.substring(Math.max(0, log.length() - LOG_CHARACTERS));
    }

    /** What to put before a command that is to run in the network of the server. */
    public List<String> inItsNetwork() throws IOException {
        String holder = Files.readString(folder.resolve("holder.pid")).strip();
        return List.of("nsenter", "-t", holder, "-n");
    }

    /** One more interface for it, whose other end is a program. */
    public void addTap(String name, String address) throws IOException, InterruptedException {
        for (String command : List.of(
                "ip tuntap add dev " + name + " mode tap",
                "ip addr add " + address + " dev " + name,
                "ip link set " + name + " up")) {
            List<String> line = new ArrayList<>(inItsNetwork());
            line.addAll(List.of(command.split(" ")));
            Commands.run(LIMIT, line.toArray(new String[0]));
        }
    }

    private static String script(String... words) throws IOException, InterruptedException {
        String[] command = new String[words.length + 1];
        command[0] = projectRoot().resolve("benchmarks/nfs-server.sh").toString();
        System.arraycopy(words, 0, command, 1, words.length);
        return Commands.run(LIMIT, command);
    }

    private static Path projectRoot() {
        Path at = Path.of("").toAbsolutePath();
        while (at != null && !Files.isDirectory(at.resolve("benchmarks"))) {
            at = at.getParent();
        }
        if (at == null) {
            throw new IllegalStateException("not inside the project");
        }
        return at;
    }

    @Override
    public void close() throws IOException, InterruptedException {
        script("stop", folder.toString());
    }
}
