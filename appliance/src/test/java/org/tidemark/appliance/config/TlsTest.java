package org.tidemark.appliance.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.Key;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
final class TlsTest {
    private static final HostNames NAMES =
            new HostNames(Set.of("localhost", "box.example"), Set.of("127.0.0.1", "::1"));

    @TempDir
    Path folder;

    private static Path pem(Path file, String kind, byte[] bytes) throws Exception {
        String body = Base64.getMimeEncoder(64, "\n".getBytes(StandardCharsets.US_ASCII))
                .encodeToString(bytes);
        return Files.writeString(file, "-----BEGIN " + kind + "-----\n" + body + "\n-----END " + kind + "-----\n");
    }

    private static Key key(GeneratedCertificate made) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (var in = Files.newInputStream(made.file())) {
            store.load(in, made.password().toCharArray());
        }
        return store.getKey("tidemark", made.password().toCharArray());
    }

    @Test
    void modesAreWords() throws Exception {
        assertThat(Tls.mode("Generated")).isEqualTo(Tls.Mode.GENERATED);
        assertThatThrownBy(() -> Tls.mode("on")).hasMessageContaining("generated, files or off");
    }

    @Test
    void namesAreNamesAndAddressesAreNot() {
        assertThat(HostNames.isName("box.example")).isTrue();
        assertThat(HostNames.isName("10.0.0.1")).isFalse();
        assertThat(HostNames.isName("fd00::2")).isFalse();
        assertThat(HostNames.isName("box,ip:1.2.3.4")).isFalse();
        assertThat(HostNames.isName("")).isFalse();
        assertThat(NAMES.alternatives()).isEqualTo("SAN=dns:box.example,dns:localhost,ip:127.0.0.1,ip:::1");
        assertThat(NAMES.first()).isEqualTo("box.example");
    }

    @Test
    void thisHostHasItsNames() throws Exception {
        HostNames names = HostNames.of(Listen.parse("0.0.0.0:1"));
        assertThat(names.names()).contains("localhost");
        assertThat(names.addresses()).contains("127.0.0.1", "::1").noneMatch(address -> address.contains("%"));
    }

    @Test
    void aCertificateIsKeptUntilItsTimeOrItsNamesEnd() throws Exception {
        Path tls = folder.resolve("tls");
        Instant now = Instant.now();
        GeneratedCertificate first = GeneratedCertificate.in(tls, NAMES, now);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(first.file())))
                .isEqualTo("rw-------");
        Set<String> alternatives = new TreeSet<>();
        first.certificate().getSubjectAlternativeNames().forEach(name -> alternatives.add(String.valueOf(name.get(1))));
        assertThat(alternatives).contains("box.example", "localhost", "127.0.0.1");
        assertThat(first.certificate().getPublicKey().getAlgorithm()).isEqualTo("EC");
        assertThat(Duration.between(now, first.certificate().getNotAfter().toInstant()))
                .isBetween(Duration.ofDays(823), Duration.ofDays(826));

        assertThat(GeneratedCertificate.in(tls, NAMES, now.plus(Duration.ofDays(700)))
                        .certificate())
                .isEqualTo(first.certificate());
        assertThat(GeneratedCertificate.in(tls, NAMES, now.plus(Duration.ofDays(800)))
                        .certificate())
                .isNotEqualTo(first.certificate());
        GeneratedCertificate third = GeneratedCertificate.in(tls, NAMES, now);
        HostNames others = new HostNames(Set.of("localhost", "other.example"), NAMES.addresses());
        GeneratedCertificate fourth = GeneratedCertificate.in(tls, others, now);
        assertThat(fourth.certificate()).isNotEqualTo(third.certificate());

        Files.writeString(fourth.file(), "damaged");
        assertThat(GeneratedCertificate.in(tls, others, now).certificate()).isNotEqualTo(fourth.certificate());
    }

    @Test
    void filesOfSomebodyElse() throws Exception {
        Instant now = Instant.now();
        GeneratedCertificate made = GeneratedCertificate.in(folder.resolve("tls"), NAMES, now);
        Path certificate = pem(
                folder.resolve("cert.pem"), "CERTIFICATE", made.certificate().getEncoded());
        Path key = pem(folder.resolve("key.pem"), "PRIVATE KEY", key(made).getEncoded());
        assertThat(CertificateFiles.check(certificate, key, now)).isEqualTo(made.certificate());

        Path missing = folder.resolve("missing.pem");
        assertThatThrownBy(() -> CertificateFiles.check(missing, key, now))
                .hasMessageContaining("TLS certificate cannot be read");
        assertThatThrownBy(() -> CertificateFiles.check(certificate, missing, now))
                .hasMessageContaining("TLS key cannot be read");
        assertThatThrownBy(() -> CertificateFiles.check(key, key, now)).hasMessageContaining("holds no certificate");
        assertThatThrownBy(() -> CertificateFiles.check(certificate, certificate, now))
                .hasMessageContaining("holds no plain private key");
        assertThatThrownBy(() -> CertificateFiles.check(certificate, key, now.plus(Duration.ofDays(900))))
                .hasMessageContaining("renew it");
        KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
        generator.initialize(256);
        Path other = pem(
                folder.resolve("o.pem"),
                "PRIVATE KEY",
                generator.generateKeyPair().getPrivate().getEncoded());
        assertThatThrownBy(() -> CertificateFiles.check(certificate, other, now))
                .hasMessageContaining("does not belong to the certificate");
        Path rsa = pem(
                folder.resolve("rsa.pem"),
                "PRIVATE KEY",
                KeyPairGenerator.getInstance("RSA")
                        .generateKeyPair()
                        .getPrivate()
                        .getEncoded());
        assertThatThrownBy(() -> CertificateFiles.check(certificate, rsa, now)).hasMessageContaining("of the kind EC");
    }
}
