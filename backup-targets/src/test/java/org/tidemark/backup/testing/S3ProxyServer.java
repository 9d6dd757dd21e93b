package org.tidemark.backup.testing;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.tidemark.backup.target.s3.S3Credentials;
import org.tidemark.backup.target.s3.S3Settings;

/**
 * S3Proxy over a folder, as a process of its own: the store that is quick to start and promises little. Takes any
 * credentials, so that a proxy before it may change signed headers. Shared by the tests of a JVM.
 */
public final class S3ProxyServer {
    private static final int LIMIT_SECONDS = 180;
    private static final AtomicInteger NAMES = new AtomicInteger();

    private static S3ProxyServer shared;

    private final int port;
    private final Path folder;

    private S3ProxyServer(int port, Path folder) {
        this.port = port;
        this.folder = folder;
    }

    public static synchronized S3ProxyServer shared() throws IOException, InterruptedException {
        if (shared == null) {
            shared = start();
        }
        return shared;
    }

    private static S3ProxyServer start() throws IOException, InterruptedException {
        Path jars = jars();
        Path folder = Files.createTempDirectory("tidemark-s3proxy");
        int port;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
        Files.createDirectory(folder.resolve("data"));
        Path settings = folder.resolve("s3proxy.properties");
        Files.write(
                settings,
                List.of(
                        "s3proxy.endpoint=http://127.0.0.1:" + port,
                        "s3proxy.authorization=none",
                        "jclouds.provider=filesystem-nio2",
                        "jclouds.filesystem.basedir=" + folder.resolve("data")));
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx256m",
                        "-cp",
                        jars + "/*",
                        "org.gaul.s3proxy.Main",
                        "--properties",
                        settings.toString())
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("log").toFile())
                .start();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> end(process, folder)));
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (true) {
            try (Socket there = new Socket(InetAddress.getLoopbackAddress(), port)) {
                return new S3ProxyServer(port, folder);
            } catch (IOException e) {
                if (!process.isAlive() || System.nanoTime() > end) {
                    throw new IOException(
                            "S3Proxy does not start: "
                                    + Files.readString(folder.resolve("log"), StandardCharsets.UTF_8),
                            e);
                }
                Thread.sleep(100);
            }
        }
    }

    private static void end(Process process, Path folder) {
        process.destroyForcibly();
        try {
            process.waitFor(10, TimeUnit.SECONDS);
            try (Stream<Path> all = Files.walk(folder)) {
                for (Path one : all.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(one);
                }
            }
        } catch (IOException e) {
            System.err.println("S3Proxy left " + folder + ": " + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Lets Maven bring the jars together, once. */
    private static Path jars() throws IOException, InterruptedException {
        Path module = RadosGateway.projectRoot().resolve("backup-targets");
        Path jars = module.resolve("target/s3proxy");
        if (Files.exists(jars.resolve("complete"))) {
            return jars;
        }
        // From what Maven has already, if that is everything.
        if (!copy(module, jars, "--offline") && !copy(module, jars, "--batch-mode")) {
            throw new IOException("Maven brought no S3Proxy; see its output above");
        }
        Files.createFile(jars.resolve("complete"));
        return jars;
    }

    private static boolean copy(Path module, Path jars, String how) throws IOException, InterruptedException {
        Path log = Files.createTempFile("tidemark-s3proxy", ".log");
        Process process = new ProcessBuilder(
                        "mvn",
                        "-q",
                        "-B",
                        how,
                        "-f",
                        module.resolve("src/test/s3proxy/pom.xml").toString(),
                        "dependency:copy-dependencies",
                        "-DoutputDirectory=" + jars)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        boolean done = process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS) && process.exitValue() == 0;
        if (!done) {
            process.destroyForcibly();
            System.out.println("S3Proxy, " + how + ": " + Files.readString(log, StandardCharsets.UTF_8));
        }
        Files.delete(log);
        return done;
    }

    public URI endpoint() {
        return URI.create("http://127.0.0.1:" + port);
    }

    /** A new, empty bucket: in this store a folder. */
    public String newBucket() throws IOException {
        String name = "test-" + NAMES.incrementAndGet();
        Files.createDirectory(folder.resolve("data").resolve(name));
        return name;
    }

    public S3Settings settings(String bucket) {
        return S3Settings.of(endpoint(), bucket, "", new S3Credentials.Given("anybody", "anything", Optional.empty()));
    }
}
