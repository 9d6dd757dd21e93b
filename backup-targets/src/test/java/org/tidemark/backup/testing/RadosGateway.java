package org.tidemark.backup.testing;

import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.tidemark.backup.target.s3.S3Credentials;
import org.tidemark.backup.target.s3.S3Settings;
import org.tidemark.backup.target.s3.S3Target;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.checksums.RequestChecksumCalculation;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.S3Exception;

/**
 * A real S3 server, Ceph's radosgw, started by benchmarks/radosgw.sh. Takes 15 seconds to start, so all tests of a JVM
 * share one; each takes buckets of its own. A test that uses it {@code @Requires} {@link #NEEDS}.
 */
public final class RadosGateway {
    /** For {@code @Requires}. */
    public static final String ROOT = "root";

    public static final String MONITOR = "ceph-mon";
    public static final String OSD = "ceph-osd";
    public static final String GATEWAY = "radosgw";

    private static final String FOLDER = "tidemark-radosgw-";
    private static final int LIMIT_SECONDS = 180;
    private static final AtomicInteger NAMES = new AtomicInteger();

    private static RadosGateway shared;

    private final Path folder;
    private final Map<String, String> said = new HashMap<>();
    private final S3Client admin;

    private RadosGateway(Path folder) throws IOException {
        this.folder = folder;
        for (String line : start()) {
            int equals = line.indexOf('=');
            if (equals > 0) {
                said.put(line.substring(0, equals), line.substring(equals + 1));
            }
        }
        admin = S3Client.builder()
                .endpointOverride(endpoint())
                .region(Region.US_EAST_1)
                .forcePathStyle(true)
                .requestChecksumCalculation(RequestChecksumCalculation.WHEN_REQUIRED)
                .credentialsProvider(StaticCredentialsProvider.create(
                        AwsBasicCredentials.create(said.get("accessKey"), said.get("secretKey"))))
                .build();
        // The first upload in parts makes Ceph create a pool, which takes seconds.
        String upload = admin.createMultipartUpload(
                        request -> request.bucket("warm-up").key("parts"))
                .uploadId();
        admin.abortMultipartUpload(
                request -> request.bucket("warm-up").key("parts").uploadId(upload));
    }

    /** Ports are chosen before they are used; on a busy machine one may be taken meanwhile. */
    private List<String> start() throws IOException {
        try {
            return run("start", "0");
        } catch (IOException e) {
            System.out.println("radosgw did not start, once more: " + e.getMessage());
            return run("start", "0");
        }
    }

    /** The one of this JVM; started when it is asked for first, ended with the JVM. */
    public static synchronized RadosGateway shared() throws IOException {
        if (shared == null) {
            Path parent = Path.of(System.getProperty("java.io.tmpdir"));
            removeLeftovers(parent);
            Path folder = parent.resolve(FOLDER + ProcessHandle.current().pid());
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                try {
                    script(folder, "stop");
                } catch (IOException e) {
                    System.err.println("radosgw was not stopped: " + e.getMessage());
                }
            }));
            shared = new RadosGateway(folder);
        }
        return shared;
    }

    /** What a JVM that was killed left running. */
    private static void removeLeftovers(Path parent) throws IOException {
        try (DirectoryStream<Path> found = Files.newDirectoryStream(parent, FOLDER + "*")) {
            for (Path folder : found) {
                String pid = folder.getFileName().toString().substring(FOLDER.length());
                if (pid.matches("[0-9]{1,9}")
                        && ProcessHandle.of(Long.parseLong(pid)).isEmpty()) {
                    script(folder, "stop");
                }
            }
        }
    }

    private List<String> run(String... words) throws IOException {
        return script(folder, words);
    }

    private static List<String> script(Path folder, String... words) throws IOException {
        List<String> command = new ArrayList<>(
                List.of(projectRoot().resolve("benchmarks/radosgw.sh").toString(), words[0], folder.toString()));
        command.addAll(List.of(words).subList(1, words.length));
        Path output = Files.createTempFile("tidemark-radosgw", ".log");
        try {
            Process process = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(output.toFile())
                    .start();
            boolean ended = process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS);
            if (!ended || process.exitValue() != 0) {
                process.destroyForcibly();
                throw new IOException(String.join(" ", command)
                        + (ended ? " ended with " + process.exitValue() : " did not end") + ": "
                        + Files.readString(output, StandardCharsets.UTF_8));
            }
            return Files.readAllLines(output);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        } finally {
            Files.delete(output);
        }
    }

    /** Tests run in the folder of their module. */
    static Path projectRoot() {
        Path at = Path.of("").toAbsolutePath();
        while (!Files.exists(at.resolve("benchmarks/radosgw.sh"))) {
            at = Optional.ofNullable(at.getParent())
                    .orElseThrow(() -> new IllegalStateException(
                            "benchmarks/radosgw.sh is not above " + Path.of("").toAbsolutePath()));
        }
        return at;
    }

    public URI endpoint() {
        return URI.create(said.get("endpoint"));
    }

    public S3Credentials credentials() {
        return new S3Credentials.Given(said.get("accessKey"), said.get("secretKey"), Optional.empty());
    }

    /** The owner of all buckets; may do what a target cannot. */
    public S3Client admin() {
        return admin;
    }

    /** A new, empty bucket. */
    public String newBucket() {
        String name = "test-" + NAMES.incrementAndGet();
        admin.createBucket(request -> request.bucket(name));
        return name;
    }

    /** A new, empty bucket as a target that was probed; closed with the JVM. */
    public S3Target newTarget() throws IOException {
        S3Target target = S3Target.open(settings(newBucket()), "it", Clock.systemUTC());
        if (!target.probe().usable()) {
            throw new IOException(target.probe().toString());
        }
        return target;
    }

    /** A target's settings with everything permitted. */
    public S3Settings settings(String bucket) {
        return S3Settings.of(endpoint(), bucket, "", credentials());
    }

    /**
     * The credentials of a new user who may do in {@code bucket} just these {@code actions}, such as
     * {@code s3:GetObject}.
     */
    public S3Credentials user(String bucket, String... actions) throws IOException {
        String name = "user-" + NAMES.incrementAndGet();
        run("user", name, "ACCESS" + name, "secret-of-" + name);
        String words = "\"" + String.join("\", \"", actions) + "\"";
        admin.putBucketPolicy(request -> request.bucket(bucket)
                .policy(
                        "{\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Allow\", \"Principal\": {\"AWS\": "
                                + "[\"arn:aws:iam:::user/" + name + "\"]}, \"Action\": [" + words + "], \"Resource\": "
                                + "[\"arn:aws:s3:::" + bucket + "\", \"arn:aws:s3:::" + bucket + "/*\"]}]}"));
        return new S3Credentials.Given("ACCESS" + name, "secret-of-" + name, Optional.empty());
    }

    /** Removes a bucket and everything in it, also what others put there meanwhile. */
    public void removeBucket(String bucket) {
        for (int attempt = 1; ; attempt++) {
            admin.listObjectsV2Paginator(request -> request.bucket(bucket))
                    .contents()
                    .forEach(object ->
                            admin.deleteObject(request -> request.bucket(bucket).key(object.key())));
            try {
                admin.deleteBucket(request -> request.bucket(bucket));
                return;
            } catch (S3Exception e) {
                if (e.statusCode() != 409 || attempt == 50) {
                    throw e;
                }
            }
        }
    }

    /** kill -9 of radosgw alone; what it stored stays. */
    public void killGateway() throws IOException {
        run("kill-gateway");
    }

    public void startGateway() throws IOException {
        run("start-gateway");
    }
}
