package org.tidemark.appliance.rest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.jr.ob.JSON;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.DriverManager;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLHandshakeException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.appliance.demo.ApplianceProcess;
import org.tidemark.ploop.testing.Leftovers;

/** The packaged appliance begins: its first start, its certificate, its files, and what it refuses to begin with. */
@Timeout(180)
class StartIT {
    private static final String WORD = "start-";
    private static final String PASSWORD = "correct horse battery";

    private Path folder;
    private ApplianceProcess appliance;

    @BeforeEach
    void prepare() throws Exception {
        folder = Leftovers.freshFolder(WORD);
        appliance = ApplianceProcess.in(folder);
    }

    @AfterEach
    void clear() throws Exception {
        appliance.close();
        Leftovers.clear(WORD);
    }

    private static String firstUser(String code) throws Exception {
        return Api.body("code", code, "userName", "anna", "password", PASSWORD);
    }

    private static String mode(Path file) throws Exception {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
    }

    /** Demands that it does not start, with this exit code and one sentence. */
    private static void refused(ApplianceProcess refused, int exitCode, String words) throws Exception {
        refused.launch();
        assertThat(refused.awaitEnd()).as(refused.said()).isEqualTo(exitCode);
        System.out.println("exit " + exitCode + ": " + refused.said().strip());
        assertThat(refused.said())
                .startsWith("tidemark: ")
                .contains(words)
                .doesNotContain("\tat ")
                .doesNotContain("Exception");
        assertThat(refused.said().strip().lines()).hasSize(1);
    }

    @Test
    void theFirstStartIsSetUpOnce() throws Exception {
        appliance.start();
        Api nobody = Api.of(appliance);
        Path link = appliance.state().resolve("setup-link");
        assertThat(nobody.get("/api/v1/setup").is(200).json()).containsEntry("needed", true);
        String old = appliance.setupCode().orElseThrow();
        assertThat(Files.readString(link).strip())
                .isEqualTo(appliance.setupLink().orElseThrow());
        assertThat(mode(link)).isEqualTo("rw-------");

        appliance.restart();
        String code = appliance.setupCode().orElseThrow();
        assertThat(code).isNotEqualTo(old);
        nobody.post("/api/v1/setup", firstUser(old)).problem(403, "not-permitted", "setup-link");
        nobody.post("/api/v1/setup", firstUser("")).problem(400, "usage", "'code'");
        nobody.post("/api/v1/setup", firstUser(code).replace(PASSWORD, "short")).problem(400, "usage", "'password'");
        Api.Answer begun = nobody.post("/api/v1/setup", firstUser(code)).is(201);
        assertThat(begun.json()).containsEntry("userName", "anna").containsEntry("role", "admin");
        nobody.withSession(begun).get("/api/v1/users").is(200);
        nobody.post("/api/v1/setup", firstUser(code)).problem(409, "conflict", "set up already");
        assertThat(link).doesNotExist();

        appliance.restart();
        assertThat(appliance.setupLink()).isEmpty();
        assertThat(link).doesNotExist();
        assertThat(nobody.get("/api/v1/setup").is(200).json()).containsEntry("needed", false);
        nobody.withSession(begun).get("/api/v1/session").is(200);
    }

    @Test
    void rootOfThisHostIsLetInWhileTheProcessLives() throws Exception {
        appliance.start();
        Path file = appliance.state().resolve("local-access.json");
        assertThat(mode(file)).isEqualTo("rw-------");
        assertThat(JSON.std.mapFrom(Files.readString(file)))
                .containsEntry("url", appliance.url())
                .containsEntry("pid", (int) appliance.pid())
                .doesNotContainKey("certificateSha256");
        String first = appliance.localToken();
        Api nobody = Api.of(appliance);
        nobody.withToken(first).get("/api/v1/users").is(200);
        appliance.kill();
        assertThat(file).exists();
        appliance.start();
        nobody.withToken(first).get("/api/v1/users").problem(401, "not-authenticated", "not known");
        nobody.withToken(appliance.localToken()).get("/api/v1/users").is(200);
        assertThat(appliance.stop()).isIn(0, 143);
        assertThat(file).doesNotExist();
    }

    @Test
    void aGeneratedCertificateIsKeptAndPlainHttpIsRefused() throws Exception {
        appliance.withTls("generated").start();
        String fingerprint = appliance.certificateSha256();
        assertThat(appliance.said()).contains("tidemark: certificate SHA-256 " + fingerprint);
        assertThat(appliance.url()).startsWith("https://127.0.0.1:");
        Api nobody = Api.of(appliance);
        Api.Answer page = nobody.get("/api/v1/setup").is(200);
        assertThat(page.header("strict-transport-security").orElseThrow()).contains("max-age");
        Api.Answer begun = nobody.post(
                        "/api/v1/setup", firstUser(appliance.setupCode().orElseThrow()))
                .is(201);
        assertThat(begun.header("set-cookie").orElseThrow()).contains("Secure");

        Api wrong = Api.of(appliance.url(), "00".repeat(32));
        assertThatThrownBy(() -> wrong.get("/api/v1/setup")).isInstanceOf(SSLHandshakeException.class);
        Api plain = Api.of(appliance.url().replace("https:", "http:"), "");
        assertThatThrownBy(() -> plain.get("/api/v1/setup")).isInstanceOf(java.io.IOException.class);

        Path tls = appliance.state().resolve("tls");
        assertThat(mode(tls)).isEqualTo("rwx------");
        assertThat(mode(tls.resolve("tidemark.p12"))).isEqualTo("rw-------");
        appliance.restart();
        assertThat(appliance.certificateSha256()).isEqualTo(fingerprint);
        nobody.get("/api/v1/setup").is(200);
    }

    @Test
    void aCertificateOfSomebodyElseIsUsed() throws Exception {
        Path certificate = folder.resolve("cert.pem");
        Path key = folder.resolve("key.pem");
        refused(ApplianceProcess.in(folder).withTls("files"), 2, "set TIDEMARK_TLS_CERTIFICATE and TIDEMARK_TLS_KEY");
        appliance
                .withTls("files")
                .withEnvironment("TIDEMARK_TLS_CERTIFICATE", certificate.toString())
                .withEnvironment("TIDEMARK_TLS_KEY", key.toString());
        refused(appliance, 3, "certificate cannot be read");
        openssl(
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-keyout",
                key,
                "-out",
                certificate,
                "-subj",
                "/CN=box");
        openssl("genrsa", "-out", folder.resolve("other.pem"), "2048");
        Path right = folder.resolve("right.pem");
        Files.move(key, right);
        Files.copy(folder.resolve("other.pem"), key);
        refused(appliance, 2, "does not belong to the certificate");
        Files.delete(key);
        Files.move(right, key);
        appliance.start();
        Api.of(appliance).get("/api/v1/setup").is(200);
    }

    private static void openssl(Object... words) throws Exception {
        var line = new java.util.ArrayList<String>(java.util.List.of("openssl"));
        for (Object word : words) {
            line.add(word.toString());
        }
        Process process = new ProcessBuilder(line)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(line.toString()).isZero();
    }

    @Test
    void withoutTlsItListensOnThisHostOnly() throws Exception {
        refused(appliance.withListen("0.0.0.0:0"), 2, "without TLS");
        try (ApplianceProcess proxied =
                ApplianceProcess.in(folder).withListen("0.0.0.0:0").withEnvironment("TIDEMARK_BEHIND_PROXY", "true")) {
            proxied.start();
            Api behind = Api.of(
                    "http://127.0.0.1:" + java.net.URI.create(proxied.url()).getPort(), "");
            Api.Answer begun = behind.with("X-Forwarded-Proto", "https")
                    .with("X-Forwarded-For", "192.0.2.7")
                    .post("/api/v1/setup", firstUser(proxied.setupCode().orElseThrow()))
                    .is(201);
            assertThat(begun.header("set-cookie").orElseThrow()).contains("Secure");
            assertThat(proxied.said()).contains("anna from 192.0.2.7: signed in");
        }
    }

    @Test
    void aSecondOneIsRefused() throws Exception {
        appliance.start();
        refused(ApplianceProcess.in(folder.resolve(".")), 4, "another appliance (process " + appliance.pid() + ")");
        Api.of(appliance).get("/api/v1/setup").is(200);
        int port = java.net.URI.create(appliance.url()).getPort();
        ApplianceProcess elsewhere = ApplianceProcess.of(
                        folder.resolve("state-2"), folder.resolve("run-2"), folder.resolve("second.log"))
                .withListen("127.0.0.1:" + port);
        refused(elsewhere, 4, "cannot listen on 127.0.0.1:" + port);
        try (ServerSocket foreign = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            refused(elsewhere.withListen("127.0.0.1:" + foreign.getLocalPort()), 4, "another program has the port");
        }
        elsewhere.withListen("127.0.0.1:0").start();
        elsewhere.close();
    }

    @Test
    void aCatalogueThatIsOpenElsewhereIsLeftAlone() throws Exception {
        Path state = Files.createDirectory(folder.resolve("state"));
        try (var connection = DriverManager.getConnection("jdbc:h2:file:" + state.resolve("catalogue"))) {
            connection.createStatement().execute("CREATE TABLE foreign_one (a INT)");
            appliance.launch();
            assertThat(appliance.awaitEnd()).as(appliance.said()).isEqualTo(4);
            assertThat(appliance.said())
                    .contains("another program has the catalogue")
                    .doesNotContain("\tat ");
        }
    }
}
