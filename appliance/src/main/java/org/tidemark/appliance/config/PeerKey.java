package org.tidemark.appliance.config;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.util.HexFormat;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;

/**
 * The key by which other appliances know this one: made at its first use, kept in a folder for its owner only, never made again while it
 * is there. Others have the fingerprint of its certificate, and trust nothing else: no name, no authority, no date.
 */
public final class PeerKey {
    private static final String ALIAS = "peer";
    private static final int DAYS = 36_500;
    private static final int PASSWORD_BYTES = 24;

    private final KeyStore keys;
    private final char[] password;
    private final String fingerprint;

    private PeerKey(KeyStore keys, char[] password, String fingerprint) {
        this.keys = keys;
        this.password = password;
        this.fingerprint = fingerprint;
    }

    /** The key in {@code folder}; of several threads that ask at once one makes it. */
    public static synchronized PeerKey in(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            Files.createDirectories(
                    folder, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        }
        Path file = folder.resolve("peer.p12");
        Path passwordFile = folder.resolve("password");
        if (!Files.exists(file)) {
            byte[] bytes = new byte[PASSWORD_BYTES];
            new SecureRandom().nextBytes(bytes);
            String fresh = HexFormat.of().formatHex(bytes);
            PrivateFile.write(passwordFile, fresh + "\n");
            KeyTool.makePair(file, fresh, ALIAS, DAYS, "CN=tidemark peer", List.of("EKU=serverAuth,clientAuth"));
        }
        char[] password = Files.readString(passwordFile).strip().toCharArray();
        try {
            KeyStore keys = KeyStore.getInstance("PKCS12");
            keys.load(new ByteArrayInputStream(Files.readAllBytes(file)), password);
            if (!(keys.getCertificate(ALIAS) instanceof X509Certificate certificate)) {
                throw unusable(file, null);
            }
            return new PeerKey(keys, password, fingerprintOf(certificate));
        } catch (GeneralSecurityException e) {
            throw unusable(file, e);
        }
    }

    private static ApplianceException unusable(Path file, @org.jspecify.annotations.Nullable Exception cause) {
        return new ApplianceException(
                FailureKind.DAMAGED,
                file
                        + ": the key for other appliances cannot be read. Restore it from a backup of the state folder; or remove it,"
                        + " and pair with all others anew",
                cause);
    }

    /** SHA-256 of the certificate, 64 hex digits. */
    public String fingerprint() {
        return fingerprint;
    }

    /** The fingerprint of anybody's certificate. */
    public static String fingerprintOf(X509Certificate certificate) throws IOException {
        return CertificateFiles.sha256(certificate);
    }

    /** TLS with this key, which believes whom {@code trust} believes. */
    public SSLContext context(TrustManager trust) throws IOException {
        try {
            KeyManagerFactory managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
            managers.init(keys, password);
            SSLContext context = SSLContext.getInstance("TLSv1.3");
            context.init(managers.getKeyManagers(), new TrustManager[] {trust}, null);
            return context;
        } catch (GeneralSecurityException e) {
            throw new IOException("TLS with the key for other appliances: " + FailureKind.words(e), e);
        }
    }
}
