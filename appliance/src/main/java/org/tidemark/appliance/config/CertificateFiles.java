package org.tidemark.appliance.config;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Instant;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Supplier;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;

/** Looks at a certificate and its key before the framework does, so that what is wrong with them is said. */
final class CertificateFiles {
    private static final String KEY_BEGIN = "-----BEGIN PRIVATE KEY-----";
    private static final String KEY_END = "-----END PRIVATE KEY-----";

    private CertificateFiles() {}

    /** The first certificate of the file, when all is well. */
    static X509Certificate check(Path certificateFile, Path keyFile, Instant now) throws IOException {
        X509Certificate certificate = certificate(certificateFile);
        if (now.isAfter(certificate.getNotAfter().toInstant())) {
            throw ApplianceException.usage("the certificate " + certificateFile + " ended at "
                    + certificate.getNotAfter().toInstant() + "; renew it");
        }
        PrivateKey key = key(keyFile, certificate.getPublicKey().getAlgorithm());
        if (!belongTogether(certificate, key)) {
            throw ApplianceException.usage("the key " + keyFile + " does not belong to the certificate "
                    + certificateFile + "; give the pair that was made together");
        }
        return certificate;
    }

    private static X509Certificate certificate(Path file) throws IOException {
        byte[] bytes = read(file, "certificate");
        try {
            for (var found :
                    CertificateFactory.getInstance("X.509").generateCertificates(new ByteArrayInputStream(bytes))) {
                if (found instanceof X509Certificate certificate) {
                    return certificate;
                }
            }
        } catch (CertificateException e) {
            throw notPem(file, e);
        }
        throw notPem(file, null);
    }

    private static ApplianceException notPem(Path file, @Nullable Throwable cause) {
        return new ApplianceException(
                FailureKind.USAGE, file + " holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)", cause);
    }

    private static PrivateKey key(Path file, String algorithm) throws IOException {
        String text = new String(read(file, "key"), StandardCharsets.ISO_8859_1);
        int begin = text.indexOf(KEY_BEGIN);
        int end = text.indexOf(KEY_END);
        if (begin < 0 || end < begin) {
            throw ApplianceException.usage(file + " holds no plain private key in PEM form (" + KEY_BEGIN
                    + "); other forms become one with: openssl pkcs8 -topk8 -nodes -in " + file.getFileName()
                    + " -out key.pem");
        }
        try {
            byte[] bytes = Base64.getMimeDecoder().decode(text.substring(begin + KEY_BEGIN.length(), end));
            return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(bytes));
        } catch (GeneralSecurityException | IllegalArgumentException e) {
            throw new ApplianceException(
                    FailureKind.USAGE,
                    "the key " + file + " cannot be used with the certificate, whose key is of the kind " + algorithm
                            + "; give the pair that was made together",
                    e);
        }
    }

    private static byte[] read(Path file, String what) throws IOException {
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new ApplianceException(
                    FailureKind.of(e), "the TLS " + what + " cannot be read: " + FailureKind.words(e), e);
        }
    }

    private static boolean belongTogether(X509Certificate certificate, PrivateKey key) {
        try {
            String algorithm =
                    switch (key.getAlgorithm()) {
                        case "EC" -> "SHA256withECDSA";
                        case "RSA" -> "SHA256withRSA";
                        default -> key.getAlgorithm();
                    };
            byte[] words = "tidemark".getBytes(StandardCharsets.UTF_8);
            Signature signer = Signature.getInstance(algorithm);
            signer.initSign(key);
            signer.update(words);
            byte[] signature = signer.sign();
            Signature verifier = Signature.getInstance(algorithm);
            verifier.initVerify(certificate.getPublicKey());
            verifier.update(words);
            return verifier.verify(signature);
        } catch (GeneralSecurityException e) {
            return false;
        }
    }

    /** TLS with the certificate that {@link Tls} chose for the appliance, as it lies there now; null when it has none. */
    static @Nullable Supplier<SSLContext> renewed() throws IOException {
        String store = System.getProperty("quarkus.http.ssl.certificate.key-store-file", "");
        String files = System.getProperty("quarkus.http.ssl.certificate.files", "");
        if (store.isEmpty() && files.isEmpty()) {
            return null;
        }
        Path keys = Path.of(System.getProperty("quarkus.http.ssl.certificate.key-files", ""));
        List<Path> all = store.isEmpty() ? List.of(Path.of(files), keys) : List.of(Path.of(store));
        return new RenewedTls(all, () -> context(store, files));
    }

    private static SSLContext context(String store, String files) throws IOException {
        try {
            KeyStore keys = KeyStore.getInstance("PKCS12");
            char[] password = System.getProperty("quarkus.http.ssl.certificate.key-store-password", "")
                    .toCharArray();
            if (store.isEmpty()) {
                Path keyFile = Path.of(System.getProperty("quarkus.http.ssl.certificate.key-files", ""));
                check(Path.of(files), keyFile, Instant.now());
                X509Certificate[] chain = CertificateFactory.getInstance("X.509")
                        .generateCertificates(new ByteArrayInputStream(read(Path.of(files), "certificate")))
                        .toArray(X509Certificate[]::new);
                keys.load(null, password);
                keys.setKeyEntry("own", key(keyFile, chain[0].getPublicKey().getAlgorithm()), password, chain);
            } else {
                keys.load(new ByteArrayInputStream(read(Path.of(store), "certificate")), password);
            }
            KeyManagerFactory managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
            managers.init(keys, password);
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(managers.getKeyManagers(), null, null);
            return context;
        } catch (GeneralSecurityException e) {
            throw new ApplianceException(
                    FailureKind.FAILED, "the certificate cannot be used for NBD: " + FailureKind.words(e), e);
        }
    }

    /** Fingerprint in lower-case hex. */
    static String sha256(X509Certificate certificate) throws IOException {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(certificate.getEncoded()));
        } catch (GeneralSecurityException e) {
            throw new IOException(e);
        }
    }
}
