package org.tidemark.appliance.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.Base64;
import java.util.HexFormat;
import java.util.Map;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;
import org.tidemark.ploop.testing.Commands;

/** Only the appliance that is meant is spoken to. */
@Timeout(60)
class TrustTest {
    private static final String PASSWORD = "secret";

    @TempDir
    private Path folder;

    private FakeAppliance server;
    private byte[] certificate;

    @BeforeEach
    void start() throws Exception {
        Path file = folder.resolve("key.p12");
        Commands.run(
                Duration.ofSeconds(30),
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-genkeypair",
                "-alias",
                "a",
                "-keyalg",
                "EC",
                "-dname",
                "CN=somebody",
                "-ext",
                "san=dns:localhost",
                "-storetype",
                "PKCS12",
                "-keystore",
                file.toString(),
                "-storepass",
                PASSWORD);
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(file)) {
            store.load(in, PASSWORD.toCharArray());
        }
        certificate = store.getCertificate("a").getEncoded();
        KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(store, PASSWORD.toCharArray());
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), null, null);
        HttpsServer https = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        https.setHttpsConfigurator(new HttpsConfigurator(context));
        server = new FakeAppliance(https, exchange -> FakeAppliance.json(exchange, 200, "{\"ok\":true}"));
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private ApplianceClient client(String host, @Nullable String sha256, @Nullable Path authority) throws Exception {
        String url = "https://" + host + ":" + server.port();
        return new ApplianceClient(() -> new Endpoint(url, "tdm_test", sha256, authority, false));
    }

    private String fingerprint() {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(certificate));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private Path pem() throws Exception {
        String text = "-----BEGIN CERTIFICATE-----\n" + Base64.getMimeEncoder().encodeToString(certificate)
                + "\n-----END CERTIFICATE-----\n";
        return Files.writeString(folder.resolve("ca.pem"), text);
    }

    @Test
    void theCertificateThatIsExpectedIsEnoughWhateverItsNames() throws Exception {
        ApplianceClient client = client("127.0.0.1", fingerprint(), null);
        assertThat(client.get("/overview").flag("ok")).isTrue();
        assertThat(client.patch("/users/u", Map.of()).flag("ok")).isTrue();
    }

    @Test
    void anotherCertificateIsRefusedInAClearSentence() throws Exception {
        String other = "00" + fingerprint().substring(2);
        ApplianceClient client = client("127.0.0.1", other, null);
        ApplianceException get = catchThrowableOfType(ApplianceException.class, () -> client.get("/overview"));
        assertThat(get.kind()).isEqualTo(FailureKind.NOT_PERMITTED);
        assertThat(get).hasMessageContaining("another certificate").hasMessageContaining("something else listens");
        ApplianceException patch =
                catchThrowableOfType(ApplianceException.class, () -> client.patch("/users/u", Map.of()));
        assertThat(patch).hasMessageContaining("another certificate");
        assertThat(server.asked()).as("no token was sent").isEmpty();
    }

    @Test
    void aServerThatSpeaksNoTls() throws Exception {
        try (FakeAppliance plain = FakeAppliance.start(exchange -> FakeAppliance.json(exchange, 200, "{}"))) {
            String url = "https://127.0.0.1:" + plain.port();
            ApplianceClient client = new ApplianceClient(
                    () -> new Endpoint(url, "tdm_test", fingerprint(), null, false), FakeAppliance.impatient());
            ApplianceException failure = catchThrowableOfType(ApplianceException.class, () -> client.get("/overview"));
            assertThat(failure.kind()).isEqualTo(FailureKind.UNREACHABLE);
            assertThat(failure).hasMessageContaining(url);
        }
    }

    @Test
    void anAuthorityOfOnesOwn() throws Exception {
        assertThat(client("localhost", null, pem()).get("/overview").flag("ok")).isTrue();
        ApplianceException wrongName = catchThrowableOfType(
                ApplianceException.class, () -> client("127.0.0.1", null, pem()).get("/overview"));
        assertThat(wrongName.kind()).isEqualTo(FailureKind.NOT_PERMITTED);
        ApplianceException unknown = catchThrowableOfType(
                ApplianceException.class, () -> client("localhost", null, null).get("/overview"));
        assertThat(unknown).hasMessageContaining("not trusted").hasMessageContaining("TIDEMARK_CA");
        ApplianceException noPem = catchThrowableOfType(ApplianceException.class, () -> client(
                        "localhost", null, Files.writeString(folder.resolve("no.pem"), "none"))
                .get("/overview"));
        assertThat(noPem.kind()).isEqualTo(FailureKind.USAGE);
    }
}
