package org.tidemark.appliance.config;

import java.io.IOException;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.Locale;
import java.util.Map;
import org.tidemark.appliance.failure.ApplianceException;

/** Hands the certificate to the framework: one made here, or the files of somebody else's. */
final class Tls {
    private Tls() {}

    enum Mode {
        GENERATED,
        FILES,
        OFF
    }

    static Mode mode(String word) throws IOException {
        for (Mode mode : Mode.values()) {
            if (mode.name().toLowerCase(Locale.ROOT).equals(word.toLowerCase(Locale.ROOT))) {
                return mode;
            }
        }
        throw ApplianceException.usage("'" + word + "' is no way to use TLS; take generated, files or off");
    }

    static void configure(Mode mode, Path state, Listen listen, int port, Map<String, String> environment)
            throws IOException {
        if (Boolean.getBoolean("tidemark.behind-proxy")) {
            // Else the log and the limits of attempts would know one address only, that of the proxy.
            System.setProperty("quarkus.http.proxy.proxy-address-forwarding", "true");
        }
        System.clearProperty("tidemark.certificate-sha256");
        if (mode == Mode.OFF) {
            System.setProperty("quarkus.http.port", String.valueOf(port));
            return;
        }
        X509Certificate certificate = mode == Mode.GENERATED ? generated(state, listen) : files(environment);
        String fingerprint = CertificateFiles.sha256(certificate);
        System.setProperty("tidemark.certificate-sha256", fingerprint);
        System.setProperty("quarkus.http.ssl-port", String.valueOf(port));
        System.setProperty("quarkus.http.insecure-requests", "disabled");
        System.setProperty("quarkus.http.ssl.protocols", "TLSv1.3,TLSv1.2");
        System.err.println("tidemark: certificate SHA-256 " + fingerprint + ", good until "
                + certificate.getNotAfter().toInstant());
    }

    private static X509Certificate generated(Path state, Listen listen) throws IOException {
        GeneratedCertificate made = GeneratedCertificate.in(state.resolve("tls"), HostNames.of(listen), Instant.now());
        System.setProperty(
                "quarkus.http.ssl.certificate.key-store-file", made.file().toString());
        System.setProperty("quarkus.http.ssl.certificate.key-store-file-type", "PKCS12");
        System.setProperty("quarkus.http.ssl.certificate.key-store-password", made.password());
        return made.certificate();
    }

    private static X509Certificate files(Map<String, String> environment) throws IOException {
        String certificate = Startup.setting("tidemark.tls.certificate", null, environment, "");
        String key = Startup.setting("tidemark.tls.key", null, environment, "");
        if (certificate.isEmpty() || key.isEmpty()) {
            throw ApplianceException.usage(
                    "--tls files needs a certificate and its key as PEM files: set"
                            + " TIDEMARK_TLS_CERTIFICATE and TIDEMARK_TLS_KEY (or tidemark.tls.certificate and tidemark.tls.key)");
        }
        X509Certificate found = CertificateFiles.check(Path.of(certificate), Path.of(key), Instant.now());
        System.setProperty("quarkus.http.ssl.certificate.files", certificate);
        System.setProperty("quarkus.http.ssl.certificate.key-files", key);
        return found;
    }
}
