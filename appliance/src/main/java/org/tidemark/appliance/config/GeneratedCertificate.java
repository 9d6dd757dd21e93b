package org.tidemark.appliance.config;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;

/**
 * A certificate of our own for a host that has none: made by the JDK's keytool, kept in the state folder, made again when it is
 * about to end or when the host is called otherwise.
 */
record GeneratedCertificate(Path file, String password, X509Certificate certificate) {
    private static final String ALIAS = "tidemark";
    /** Browsers refuse longer ones. */
    private static final int DAYS = 825;

    private static final Duration RENEWED_BEFORE_END = Duration.ofDays(60);
    private static final int PASSWORD_BYTES = 24;

    static GeneratedCertificate in(Path folder, HostNames names, Instant now) throws IOException {
        if (!Files.isDirectory(folder)) {
            Files.createDirectories(
                    folder, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        }
        Path file = folder.resolve("tidemark.p12");
        String password = password(folder.resolve("password"));
        Path namesFile = folder.resolve("names");
        Optional<X509Certificate> found = read(file, password);
        if (found.isPresent()
                && isGood(found.get(), now)
                && names.alternatives().equals(words(namesFile))) {
            return new GeneratedCertificate(file, password, found.get());
        }
        make(file, password, names);
        PrivateFile.write(namesFile, names.alternatives() + "\n");
        X509Certificate made = read(file, password)
                .orElseThrow(() -> new ApplianceException(
                        FailureKind.FAILED,
                        "the certificate just made in " + file + " cannot be read; delete the folder " + folder
                                + " and start again"));
        return new GeneratedCertificate(file, password, made);
    }

    private static boolean isGood(X509Certificate certificate, Instant now) {
        return now.plus(RENEWED_BEFORE_END).isBefore(certificate.getNotAfter().toInstant())
                && !now.isBefore(certificate.getNotBefore().toInstant());
    }

    private static String words(Path file) throws IOException {
        try {
            return Files.readString(file).strip();
        } catch (NoSuchFileException e) {
            return "";
        }
    }

    /** The format demands one; the file itself is as private as its neighbour. */
    private static String password(Path file) throws IOException {
        String known = words(file);
        if (!known.isEmpty()) {
            return known;
        }
        byte[] bytes = new byte[PASSWORD_BYTES];
        new SecureRandom().nextBytes(bytes);
        String fresh = HexFormat.of().formatHex(bytes);
        PrivateFile.write(file, fresh + "\n");
        return fresh;
    }

    /** Empty when there is none, or none that can be used: then another one is made. */
    private static Optional<X509Certificate> read(Path file, String password) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            KeyStore store = KeyStore.getInstance("PKCS12");
            store.load(in, password.toCharArray());
            return store.isKeyEntry(ALIAS) && store.getCertificate(ALIAS) instanceof X509Certificate certificate
                    ? Optional.of(certificate)
                    : Optional.empty();
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException | GeneralSecurityException e) {
            System.err.println("tidemark: the certificate in " + file + " cannot be read (" + FailureKind.words(e)
                    + "); another one is made");
            return Optional.empty();
        }
    }

    private static void make(Path file, String password, HostNames names) throws IOException {
        KeyTool.makePair(
                file,
                password,
                ALIAS,
                DAYS,
                "CN=" + names.first() + ", O=Tidemark",
                List.of(names.alternatives(), "EKU=serverAuth"));
    }
}
