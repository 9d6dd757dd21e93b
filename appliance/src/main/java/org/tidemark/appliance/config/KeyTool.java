package org.tidemark.appliance.config;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;

/** The JDK's own tool for keys and certificates. */
final class KeyTool {
    private static final int LIMIT_SECONDS = 120;

    private KeyTool() {}

    /**
     * Makes a key (EC, P-256) and a certificate that it signs itself, in a PKCS #12 file that only its owner may read; there whole or
     * not at all. Replaces the file.
     *
     * @param extensions of the certificate, as keytool's {@code -ext} has them
     */
    static void makePair(
            Path file, String password, String alias, int days, String distinguishedName, List<String> extensions)
            throws IOException {
        Path fresh = file.resolveSibling("fresh.p12");
        Path said = file.resolveSibling("keytool.log");
        Files.deleteIfExists(fresh);
        List<String> line = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-J-XX:TieredStopAtLevel=1",
                "-J-XX:+UseSerialGC",
                "-genkeypair",
                "-alias",
                alias,
                "-keyalg",
                "EC",
                "-groupname",
                "secp256r1",
                "-sigalg",
                "SHA256withECDSA",
                "-validity",
                String.valueOf(days),
                "-dname",
                distinguishedName));
        for (String extension : extensions) {
            line.add("-ext");
            line.add(extension);
        }
        line.addAll(List.of(
                "-storetype", "PKCS12", "-keystore", fresh.toString(), "-storepass:env", "TIDEMARK_STORE_PASSWORD"));
        ProcessBuilder builder = new ProcessBuilder(line);
        builder.environment().put("TIDEMARK_STORE_PASSWORD", password);
        builder.redirectErrorStream(true).redirectOutput(said.toFile());
        builder.redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()));
        await(builder.start(), said);
        Files.setPosixFilePermissions(fresh, PosixFilePermissions.fromString("rw-------"));
        Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        Files.deleteIfExists(said);
    }

    private static void await(Process keytool, Path said) throws IOException {
        try {
            if (!keytool.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)) {
                keytool.destroyForcibly();
                throw new ApplianceException(
                        FailureKind.FAILED, "keytool did not end within " + LIMIT_SECONDS + " s; start again");
            }
        } catch (InterruptedException e) {
            keytool.destroyForcibly();
            Thread.currentThread().interrupt();
            throw new ApplianceException(FailureKind.CANCELLED, "interrupted while a certificate was made", e);
        }
        if (keytool.exitValue() != 0) {
            throw new ApplianceException(
                    FailureKind.FAILED,
                    "keytool could not make a certificate: "
                            + Files.readString(said, StandardCharsets.UTF_8).strip());
        }
    }
}
