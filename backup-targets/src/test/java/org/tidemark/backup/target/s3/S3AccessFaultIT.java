package org.tidemark.backup.target.s3;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.InputStream;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.security.KeyStore;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.tidemark.backup.target.ProbeReport;
import org.tidemark.backup.target.ProbeStep;
import org.tidemark.backup.target.TargetException;
import org.tidemark.backup.target.TargetException.Kind;
import org.tidemark.backup.testing.FaultProxy;
import org.tidemark.backup.testing.RadosGateway;
import org.tidemark.ploop.testing.Requires;

/** Wrong addresses, wrong keys, too few rights: each is told by the probe at the right step, with what to do. */
@Timeout(60)
@Requires({RadosGateway.ROOT, RadosGateway.MONITOR, RadosGateway.OSD, RadosGateway.GATEWAY, "curl"})
class S3AccessFaultIT {
    @TempDir
    Path folder;

    private final List<S3Target> opened = new ArrayList<>();
    private RadosGateway gateway;
    private String bucket;

    @BeforeEach
    void start() throws Exception {
        gateway = RadosGateway.shared();
        bucket = gateway.newBucket();
    }

    @AfterEach
    void close() {
        opened.forEach(S3Target::close);
    }

    private S3Target open(S3Settings settings) throws TargetException {
        S3Target target = S3Target.open(
                settings.withTimeouts(Duration.ofSeconds(3), Duration.ofSeconds(10)), "it", Clock.systemUTC());
        opened.add(target);
        return target;
    }

    private S3Settings as(S3Credentials credentials) {
        return S3Settings.of(gateway.endpoint(), bucket, "", credentials);
    }

    private static List<ByteBuffer> bytes(int count) {
        return List.of(ByteBuffer.allocate(count));
    }

    private static void fails(Kind kind, String words, ThrowingCallable call) {
        assertThatExceptionOfType(TargetException.class)
                .isThrownBy(call)
                .withMessageContaining(words)
                .satisfies(e -> assertThat(e.kind()).as(e.getMessage()).isEqualTo(kind));
    }

    /** The probe stops at {@code step}; validate and put say the same. */
    private void stopsAt(String step, Kind kind, String words, S3Settings settings) throws Exception {
        S3Target target = open(settings);
        ProbeReport report = target.probe();
        assertThat(report.usable()).isFalse();
        assertThat(report.failure().map(ProbeStep::name)).as(report.toString()).contains(step);
        assertThat(report.failure().orElseThrow().detail()).contains(words);
        fails(kind, words, () -> target.putIfAbsent("a", bytes(1)));
    }

    @Test
    void aMissingBucketIsToldAndIsNoEmptyOne() throws Exception {
        S3Settings settings = S3Settings.of(gateway.endpoint(), "no-such-bucket", "", gateway.credentials());
        stopsAt("bucket", Kind.UNREACHABLE, "no such bucket", settings);
        S3Target target = open(settings);
        fails(Kind.UNREACHABLE, "no such bucket", () -> target.stat("a"));
        fails(Kind.UNREACHABLE, "no such bucket", () -> target.list("", (key, sizeBytes) -> {}));
        fails(Kind.UNREACHABLE, "no such bucket", () -> target.listFolders("", name -> {}));
        fails(
                Kind.UNREACHABLE,
                "no such bucket",
                () -> target.get("a", org.tidemark.backup.target.ByteRange.tail(5), ByteBuffer.allocate(5)));
    }

    @Test
    void wrongKeysAreTold() throws Exception {
        stopsAt(
                "authenticate",
                Kind.DENIED,
                "does not know the access key",
                as(new S3Credentials.Given("NOBODY", "secret", Optional.empty())));
        String known = ((S3Credentials.Given) gateway.credentials()).accessKey();
        S3Settings wrongSecret = as(new S3Credentials.Given(known, "hunter2-is-secret", Optional.empty()));
        stopsAt("authenticate", Kind.DENIED, "secret key is wrong", wrongSecret);
        assertThat(wrongSecret.toString()).contains(known).doesNotContain("hunter2");
        assertThat(wrongSecret.credentials().toString()).doesNotContain("hunter2");
    }

    @Test
    void readOnlyCredentialsReadAndAreToldAtTheFirstWrite() throws Exception {
        open(as(gateway.credentials())).putIfAbsent("a", bytes(5));
        S3Settings settings = as(gateway.user(bucket, "s3:ListBucket", "s3:GetObject"));
        stopsAt("write", Kind.DENIED, "s3:PutObject", settings);
        S3Target target = open(settings);
        assertThat(target.stat("a")).isEqualTo(5);
        target.validate();
    }

    @Test
    void credentialsThatCannotDeleteAreEnoughAndProbesLeaveTwoObjects() throws Exception {
        S3Target target = open(as(gateway.user(bucket, "s3:ListBucket", "s3:GetObject", "s3:PutObject")));
        for (int i = 0; i < 3; i++) {
            ProbeReport report = target.probe();
            assertThat(report.steps()).as(report.toString()).allMatch(ProbeStep::ok);
            assertThat(target.capabilities().shared()).isTrue();
            List<String> left = new ArrayList<>();
            target.list("", (key, sizeBytes) -> left.add(key));
            assertThat(left).containsExactly("probe/it/once", "probe/it/race");
        }
        S3Credentials remover =
                gateway.user(bucket, "s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject");
        S3Target tidy = S3Target.open(as(remover), "tidy", Clock.systemUTC());
        opened.add(tidy);
        assertThat(tidy.probe().usable()).isTrue();
        tidy.list("probe/tidy/", (key, sizeBytes) -> assertThat(key).isNull());
    }

    @Test
    void anAddressThatIsNoneIsTold() throws Exception {
        stopsAt(
                "connect",
                Kind.UNREACHABLE,
                "nothing answers there",
                S3Settings.of(URI.create("http://127.0.0.1:1"), bucket, "", gateway.credentials()));
        stopsAt(
                "connect",
                Kind.UNREACHABLE,
                "name of the host is not known",
                S3Settings.of(URI.create("http://no-such-host.invalid"), bucket, "", gateway.credentials()));
        stopsAt(
                "connect",
                Kind.UNREACHABLE,
                "no secure connection",
                S3Settings.of(
                        URI.create("https://127.0.0.1:" + gateway.endpoint().getPort()),
                        bucket,
                        "",
                        gateway.credentials()));
    }

    /** Ceph 16 refuses the SDK's checksums in a trailer; ours go in a header, which it bears. */
    @Test
    void checksumsThatCephDoesNotKnowDoNoHarm() throws Exception {
        S3Settings right = as(gateway.credentials());
        S3Settings more = new S3Settings(
                right.endpoint(),
                right.region(),
                bucket,
                "",
                true,
                S3Settings.ChecksumMode.WHEN_SUPPORTED,
                Optional.empty(),
                right.credentials(),
                right.connectTimeout(),
                right.idleTimeout(),
                right.maxConnections(),
                right.transfer());
        S3Target target = open(more);
        assertThat(target.probe().steps()).allMatch(ProbeStep::ok);
        target.putIfAbsent("large", bytes(41 << 20));
        assertThat(target.stat("large")).isEqualTo(41 << 20);
    }

    private void keytool(String... words) throws Exception {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "keytool").toString());
        command.addAll(List.of(words));
        command.addAll(List.of("-keystore", folder.resolve("server.p12").toString(), "-storepass", "changeit"));
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("keytool.log").toFile())
                .start();
        assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue())
                .as(Files.readString(folder.resolve("keytool.log")))
                .isZero();
    }

    @Test
    void aCertificateOfOnesOwnNeedsItsCa() throws Exception {
        keytool(
                "-genkeypair",
                "-alias",
                "server",
                "-keyalg",
                "EC",
                "-dname",
                "CN=tidemark test",
                "-ext",
                "SAN=ip:127.0.0.1",
                "-validity",
                "30",
                "-storetype",
                "PKCS12");
        Path pem = folder.resolve("ca.pem");
        keytool("-exportcert", "-rfc", "-alias", "server", "-file", pem.toString());
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(folder.resolve("server.p12"))) {
            store.load(in, "changeit".toCharArray());
        }
        KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(store, "changeit".toCharArray());
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), null, null);
        try (FaultProxy front = FaultProxy.secure(context.getServerSocketFactory(), gateway.endpoint())) {
            S3Settings settings = S3Settings.of(front.endpoint(), bucket, "", gateway.credentials());
            stopsAt("connect", Kind.UNREACHABLE, "give its CA certificate", settings);
            S3Target trusted = open(settings.withCaCertificate(Files.readString(pem)));
            ProbeReport report = trusted.probe();
            assertThat(report.usable()).as(report.toString()).isTrue();
            // The name has to fit, too.
            URI other = URI.create("https://localhost:" + front.endpoint().getPort());
            stopsAt(
                    "connect",
                    Kind.UNREACHABLE,
                    "certificate",
                    S3Settings.of(other, bucket, "", gateway.credentials()).withCaCertificate(Files.readString(pem)));
        }
        fails(
                Kind.DENIED,
                "CA certificate cannot be used",
                () -> open(as(gateway.credentials()).withCaCertificate("nonsense")));
    }

    @Test
    void keysOfAFileMayBeRotated() throws Exception {
        Path file = folder.resolve("credentials");
        S3Settings settings = as(new S3Credentials.FromFile(file, "backup"));
        fails(Kind.DENIED, "no credentials found", () -> open(settings).validate());
        Files.writeString(file, "[backup]\naws_access_key_id = NOBODY\naws_secret_access_key = wrong\n");
        S3Target target = open(settings);
        fails(Kind.DENIED, "does not know the access key", target::validate);
        S3Credentials.Given right = (S3Credentials.Given) gateway.credentials();
        Files.writeString(
                file,
                "[backup]\naws_access_key_id = " + right.accessKey() + "\naws_secret_access_key = " + right.secretKey()
                        + "\n");
        Files.setLastModifiedTime(file, FileTime.from(Instant.now().plusSeconds(5)));
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (true) {
            try {
                target.validate();
                return;
            } catch (TargetException e) {
                assertThat(System.nanoTime()).as(e.getMessage()).isLessThan(end);
                Thread.sleep(200);
            }
        }
    }
}
