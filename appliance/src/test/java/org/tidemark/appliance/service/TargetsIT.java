package org.tidemark.appliance.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.tidemark.appliance.client.ApplianceClient.body;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.tidemark.appliance.cli.Cli;
import org.tidemark.appliance.client.Answer;
import org.tidemark.appliance.client.ApplianceClient;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;
import org.tidemark.backup.target.s3.S3Credentials;
import org.tidemark.backup.testing.FaultProxy;
import org.tidemark.backup.testing.RadosGateway;
import org.tidemark.backup.testing.S3ProxyServer;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.NfsServerProcess;
import org.tidemark.ploop.testing.Requires;

/** Targets through the API: a folder, a real radosgw, a real NFS server, and a store without conditional writes. */
@Requires({"root", "fuse", "loop", "mkfs.ext4", RadosGateway.MONITOR, RadosGateway.OSD, RadosGateway.GATEWAY})
@Timeout(300)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class TargetsIT {
    private static final String ALL_ACTIONS = "s3:*";

    private Cli cli;
    private ApplianceClient api;
    private RadosGateway gateway;
    private Path mount;

    @BeforeAll
    void start() throws Exception {
        gateway = RadosGateway.shared();
        cli = Cli.start("targets-");
        Path image = cli.path("image");
        mount = Files.createDirectory(cli.path("mnt"));
        cli.ok("image", "create", image.toString(), "--size", "512M", "--fs", "ext4");
        api = cli.client();
        api.post("/devices", body("image", image.toString(), "mount", mount.toString()));
        api.post("/containers", body("name", "c", "mount", mount.toString()));
    }

    @AfterAll
    void stop() throws IOException {
        cli.close();
    }

    @AfterEach
    void forget() throws IOException {
        for (Answer one : api.list("/policies")) {
            api.delete("/policies/" + one.text("name"));
        }
        for (Answer one : api.list("/targets")) {
            api.delete("/targets/" + one.text("name"));
        }
    }

    private interface Call {
        void run() throws Exception;
    }

    private static void refused(FailureKind kind, String words, Call call) {
        assertThatThrownBy(call::run)
                .isInstanceOfSatisfying(
                        ApplianceException.class,
                        e -> assertThat(e.kind()).as(e.getMessage()).isEqualTo(kind))
                .hasMessageContaining(words)
                .hasMessageNotContaining("Exception");
    }

    private static Map<String, Object> s3(String name, String endpoint, String bucket, S3Credentials credentials)
            throws IOException {
        S3Credentials.Given given = (S3Credentials.Given) credentials;
        return body(
                "name",
                name,
                "kind",
                "S3",
                "s3",
                body(
                        "endpoint",
                        endpoint,
                        "bucket",
                        bucket,
                        "credentials",
                        body("source", "CATALOGUE", "accessKey", given.accessKey(), "secretKey", given.secretKey())));
    }

    private Map<String, Object> s3(String name, String bucket, S3Credentials credentials) throws IOException {
        return s3(name, gateway.endpoint().toString(), bucket, credentials);
    }

    private static Map<String, Object> local(String name, Path path) throws IOException {
        return body("name", name, "kind", "LOCAL", "local", body("path", path.toString()));
    }

    private Answer backup(String target) throws IOException {
        return api.run(body("kind", "BACKUP", "container", "c", "target", target));
    }

    /** Both what a test of a place that is not remembered says, and what adding it says. */
    private void unusable(FailureKind kind, String words, Map<String, Object> target) throws IOException {
        Answer test = api.post("/targets/test", target);
        assertThat(test.flag("ok")).isFalse();
        assertThat(test.object("error").text("detail")).contains(words).doesNotContain("Exception");
        assertThat(test.objects("steps")).anyMatch(step -> !step.flag("ok"));
        refused(kind, words, () -> api.post("/targets", target));
        assertThat(api.list("/targets")).isEmpty();
    }

    @Test
    void aTestShowsEveryStepAndRemembersNothing() throws Exception {
        Answer test = api.post("/targets/test", s3("t", gateway.newBucket(), gateway.credentials()));
        assertThat(test.flag("ok")).isTrue();
        assertThat(test.flag("singleWriter")).isFalse();
        assertThat(test.objects("steps"))
                .hasSizeGreaterThanOrEqualTo(4)
                .allMatch(step -> step.flag("ok") && !step.text("name").isBlank());
        assertThat(api.list("/targets")).isEmpty();
        Answer folder = api.post("/targets/test", local("t", cli.path("perhaps")));
        assertThat(folder.flag("ok")).isTrue();
        assertThat(api.list("/targets")).isEmpty();
    }

    @Test
    void whatCannotBeReachedOrUsedIsToldApart() throws Exception {
        String bucket = gateway.newBucket();
        S3Credentials.Given admin = (S3Credentials.Given) gateway.credentials();
        unusable(
                FailureKind.NOT_PERMITTED,
                bucket,
                s3("t", bucket, new S3Credentials.Given(admin.accessKey(), "wrong", java.util.Optional.empty())));
        unusable(
                FailureKind.NOT_PERMITTED,
                bucket,
                s3("t", bucket, new S3Credentials.Given("NOBODY", "wrong", java.util.Optional.empty())));
        unusable(FailureKind.UNREACHABLE, "no-such-bucket", s3("t", "no-such-bucket", gateway.credentials()));
        unusable(FailureKind.UNREACHABLE, "127.0.0.1:1", s3("t", "http://127.0.0.1:1", bucket, gateway.credentials()));
        S3Credentials readOnly = gateway.user(bucket, "s3:GetObject", "s3:ListBucket");
        unusable(FailureKind.NOT_PERMITTED, bucket, s3("t", bucket, readOnly));
    }

    @Test
    void foldersThatCannotBeUsedAreRefused() throws Exception {
        Path file = Files.writeString(cli.path("a-file"), "x");
        unusable(FailureKind.FAILED, file.toString(), local("t", file.resolve("below")));
        assertThatThrownBy(() -> api.post("/targets", local("t", Path.of("relative/folder"))))
                .hasMessageContaining("absolute");
        assertThatThrownBy(() -> api.post("/targets", local("t", mount.resolve("repository"))))
                .hasMessageContaining(mount.toString());
        for (String name : List.of("../t", "a/b", "", "..")) {
            assertThatThrownBy(() -> api.post("/targets", local(name, cli.path("x"))))
                    .isInstanceOfSatisfying(
                            ApplianceException.class, e -> assertThat(e.kind()).isEqualTo(FailureKind.USAGE));
        }
        assertThat(api.list("/targets")).isEmpty();
    }

    @Test
    void secretsAreNowhereInClear() throws Exception {
        String bucket = gateway.newBucket();
        S3Credentials.Given user = (S3Credentials.Given) gateway.user(bucket, ALL_ACTIONS);
        api.post("/targets", s3("t", bucket, user));
        ApplianceClient.demandSuccess(backup("t"));
        assertThat(api.get("/targets/t").toString()).contains(user.accessKey()).doesNotContain(user.secretKey());
        assertThat(api.get("/targets").toString()).doesNotContain(user.secretKey());
        List<Path> seen = new ArrayList<>();
        try (Stream<Path> files = Files.walk(cli.folder())) {
            for (Path file : files.filter(Files::isRegularFile)
                    .filter(path -> !path.startsWith(mount) && !path.startsWith(cli.path("image")))
                    .filter(path -> !path.startsWith(cli.path("run").resolve("devices")))
                    .toList()) {
                String content = new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
                assertThat(content).as(file.toString()).doesNotContain(user.secretKey());
                if (content.contains(user.accessKey())) {
                    seen.add(file.getFileName());
                }
            }
        }
        // The access key is no secret; where it stands, the search looked at the right bytes.
        assertThat(seen).contains(Path.of("catalogue.mv.db"));
    }

    @Test
    void onePlaceIsOneTargetAndOneInUseStays() throws Exception {
        Path place = cli.path("place");
        api.post("/targets", local("t", place));
        refused(FailureKind.CONFLICT, "'t'", () -> api.post("/targets", local("t", cli.path("elsewhere"))));
        refused(FailureKind.CONFLICT, "'t'", () -> api.post("/targets", local("u", place)));
        Files.createSymbolicLink(cli.path("same-place"), place);
        refused(FailureKind.CONFLICT, "'t'", () -> api.post("/targets", local("u", cli.path("same-place"))));
        String bucket = gateway.newBucket();
        api.post("/targets", s3("s", bucket, gateway.credentials()));
        refused(FailureKind.CONFLICT, "'s'", () -> api.post("/targets", s3("s2", bucket, gateway.credentials())));

        api.post(
                "/policies",
                body(
                        "name",
                        "p",
                        "containers",
                        List.of("c"),
                        "target",
                        "t",
                        "schedule",
                        body("kind", "EVERY", "everySeconds", 3600),
                        "enabled",
                        false));
        refused(FailureKind.CONFLICT, "policies [p]", () -> api.delete("/targets/t"));
        api.delete("/policies/p");
        Cli.random(mount.resolve("big"), 0, 150);
        Answer job = api.post("/jobs", body("kind", "BACKUP", "container", "c", "target", "t"));
        refused(FailureKind.CONFLICT, "job", () -> api.delete("/targets/t"));
        ApplianceClient.demandSuccess(api.watch(job.text("id"), one -> {}));
        api.delete("/targets/t");
        // Nothing on it was touched: the same place is the same repository, with its points.
        api.post("/targets", local("again", place));
        assertThat(api.list("/containers/c/points?target=again")).hasSize(1);
        Files.delete(mount.resolve("big"));
    }

    @Test
    void rotatedCredentialsAreEnteredWithoutANewTarget() throws Exception {
        String bucket = gateway.newBucket();
        api.post("/targets", s3("t", bucket, gateway.user(bucket, ALL_ACTIONS)));
        ApplianceClient.demandSuccess(backup("t"));
        // Another user is permitted from now on, and the first one is not any more.
        S3Credentials.Given next = (S3Credentials.Given) gateway.user(bucket, ALL_ACTIONS);
        Answer failed = backup("t");
        assertThat(failed.text("state")).isEqualTo("FAILED");
        assertThat(failed.object("error").text("detail")).contains(bucket);
        assertThat(failed.object("error").text("code")).isEqualTo("not-permitted");
        api.patch(
                "/targets/t",
                body(
                        "credentials",
                        body("source", "CATALOGUE", "accessKey", next.accessKey(), "secretKey", next.secretKey())));
        Cli.random(mount.resolve("changed"), 0, 2);
        Answer result = ApplianceClient.demandSuccess(backup("t")).object("result");
        assertThat(result.text("mode")).isEqualTo("INCREMENTAL");
        assertThat(api.list("/containers/c/points?target=t")).hasSize(2);
        restoreIsRight("t");
    }

    @Test
    void aBucketThatGoesInTheMiddleFailsTheBackupAndTheNextOneIsRight() throws Exception {
        String bucket = gateway.newBucket();
        api.post("/targets", s3("t", bucket, gateway.credentials()));
        ApplianceClient.demandSuccess(backup("t"));
        Cli.random(mount.resolve("big"), 0, 200);
        Answer job = api.post("/jobs", body("kind", "BACKUP", "container", "c", "target", "t"));
        Cli.await(
                "the backup reads",
                () -> api.get("/jobs/" + job.text("id")).object("progress").number("doneBytes") > 0);
        gateway.removeBucket(bucket);
        Answer ended = api.watch(job.text("id"), one -> {});
        assertThat(ended.text("state")).isEqualTo("FAILED");
        assertThat(ended.object("error").text("detail")).contains(bucket).doesNotContain("Exception");
        // Another bucket takes its place; what the first one had is not taken for granted there.
        String other = gateway.newBucket();
        api.post("/targets", s3("u", other, gateway.credentials()));
        ApplianceClient.demandSuccess(backup("u"));
        restoreIsRight("u");
        Files.delete(mount.resolve("big"));
    }

    /** Of all files but those that were changed since. */
    private void restoreIsRight(String target, Path... changed) throws Exception {
        Path image = cli.path("restored-" + target + System.nanoTime());
        ApplianceClient.demandSuccess(api.run(body(
                "kind",
                "RESTORE",
                "container",
                "c",
                "target",
                target,
                "point",
                "latest",
                "destination",
                image.toString())));
        Path where = Files.createDirectory(cli.path("mnt-" + image.getFileName()));
        Answer device = api.post("/devices", body("image", image.toString(), "mount", where.toString()));
        try (Stream<Path> files = Files.list(mount)) {
            for (Path file : files.filter(Files::isRegularFile)
                    .filter(path -> !List.of(changed).contains(path))
                    .toList()) {
                assertThat(Files.mismatch(where.resolve(file.getFileName()), file))
                        .as(file.toString())
                        .isEqualTo(-1);
            }
        }
        api.delete("/devices/" + device.text("deviceId"));
    }

    @Test
    void aStoreWithoutConditionalWritesIsUsedByOneWriterAndSaysSo() throws Exception {
        S3ProxyServer plain = S3ProxyServer.shared();
        String bucket = plain.newBucket();
        try (FaultProxy deaf = FaultProxy.before(plain.endpoint())) {
            deaf.faults(request -> FaultProxy.Fault.STRIP_CONDITION);
            Map<String, Object> target = s3(
                    "plain",
                    deaf.endpoint().toString(),
                    bucket,
                    plain.settings(bucket).credentials());
            Answer test = api.post("/targets/test", target);
            assertThat(test.flag("ok")).as(test.toString()).isTrue();
            assertThat(test.flag("singleWriter")).isTrue();
            assertThat(test.text("notice")).contains("one");
            api.post("/targets", target);
            assertThat(api.get("/targets/plain").flag("singleWriter")).isTrue();
            ApplianceClient.demandSuccess(backup("plain"));
            restoreIsRight("plain");
        }
    }

    private static Map<String, Object> nfs(String address) throws IOException {
        return body("name", "nas", "kind", "NFS", "nfs", body("address", address));
    }

    /** A real NFS server, without a mount: refused in words, then used while it and the process that speaks to it die. */
    @Test
    @Requires({"ganesha.nfsd", "rpcbind", "ip"})
    void anNfsServerIsATargetThatMayBounce() throws Exception {
        try (NfsServerProcess server = NfsServerProcess.start()) {
            String address = "nfs://" + server.address() + server.export() + "/backups";
            unusable(FailureKind.UNREACHABLE, "does not export", nfs("nfs://" + server.address() + "/srv"));
            assertThatThrownBy(() -> api.post("/targets", nfs("nas:/srv"))).hasMessageContaining("nfs://server/export");
            Answer test = api.post("/targets/test", nfs(address));
            assertThat(test.flag("ok")).as(test.toString()).isTrue();
            assertThat(test.objects("steps")).hasSize(3).allMatch(step -> step.flag("ok"));
            assertThat(Files.exists(server.export().resolve("backups"))).isFalse();

            assertThat(cli.ok("target", "add", "nas", address).out()).contains(address);
            assertThat(api.get("/targets/nas").object("status").flag("reachable"))
                    .isTrue();
            ApplianceClient.demandSuccess(backup("nas"));
            Cli.random(mount.resolve("big"), 0, 200);
            Answer job = api.post("/jobs", body("kind", "BACKUP", "container", "c", "target", "nas"));
            Cli.await(
                    "the backup reads",
                    () -> api.get("/jobs/" + job.text("id")).object("progress").number("doneBytes") > 0);
            server.kill();
            Commands.run(Duration.ofSeconds(5), "pkill", "-SEGV", "-f", "NfsTargetProcess.*tidemark-nfs-");
            Thread.sleep(1500);
            server.run();
            Answer result = ApplianceClient.demandSuccess(api.watch(job.text("id"), one -> {}))
                    .object("result");
            assertThat(result.text("mode")).isEqualTo("INCREMENTAL");
            restoreIsRight("nas");
            ApplianceClient.demandSuccess(
                    api.run(body("kind", "VERIFY", "container", "c", "target", "nas", "point", "latest")));

            server.changeExport("Access_Type = RW", "Access_Type = RO");
            Cli.random(mount.resolve("big"), 0, 1);
            Answer refused = backup("nas");
            assertThat(refused.text("state")).isEqualTo("FAILED");
            assertThat(refused.object("error").text("detail"))
                    .contains("read-only")
                    .doesNotContain("Exception");
            restoreIsRight("nas", mount.resolve("big"));
            Files.delete(mount.resolve("big"));
        }
    }
}
