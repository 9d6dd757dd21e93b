package org.tidemark.appliance.cli;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.client.ApplianceClient;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;
import picocli.CommandLine.Option;

/** What an S3 target needs. Keys are never given on the command line. */
final class S3Options {
    static final String SCHEME = "s3://";
    private static final String STORE = "--credentials store, with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";

    @Option(names = "--endpoint", paramLabel = "URL", description = "The S3 server; AWS when left out.")
    private @Nullable String endpoint;

    @Option(names = "--region", paramLabel = "REGION", description = "Region of the bucket.")
    private @Nullable String region;

    @Option(
            names = "--path-style",
            description = "The bucket is part of the path, as in most stores of one's own (usual with --endpoint).")
    private boolean pathStyle;

    @Option(names = "--no-path-style", description = "The bucket is part of the host's name (usual for AWS).")
    private boolean hostStyle;

    @Option(
            names = "--checksum-mode",
            paramLabel = "MODE",
            description = "supported, or required: only where S3 demands checksums (usual with --endpoint).")
    private @Nullable String checksumMode;

    @Option(
            names = "--ca",
            paramLabel = "FILE",
            description = "PEM file with the authority of the server's certificate.")
    private @Nullable Path authority;

    /** The settings of a target. */
    Map<String, @Nullable Object> settings(String place, @Nullable String credentials) throws IOException {
        String rest = place.substring(SCHEME.length());
        int slash = rest.indexOf('/');
        String prefix = slash < 0 ? "" : rest.substring(slash + 1).replaceAll("/+$", "");
        return ApplianceClient.body(
                "endpoint",
                endpoint,
                "region",
                region,
                "bucket",
                slash < 0 ? rest : rest.substring(0, slash),
                "prefix",
                prefix.isEmpty() ? null : prefix,
                "pathStyle",
                pathStyle ? Boolean.TRUE : hostStyle ? Boolean.FALSE : null,
                "checksumMode",
                checksumMode(),
                "caCertificate",
                authority == null ? null : pem(authority),
                "credentials",
                credentials == null ? null : credentials(credentials));
    }

    boolean isGiven() {
        return endpoint != null
                || region != null
                || pathStyle
                || hostStyle
                || checksumMode != null
                || authority != null;
    }

    private @Nullable String checksumMode() throws ApplianceException {
        if (checksumMode == null) {
            return null;
        }
        String word = checksumMode.toUpperCase(Locale.ROOT).replace('-', '_').replace("WHEN_", "");
        if (!word.equals("SUPPORTED") && !word.equals("REQUIRED")) {
            throw ApplianceException.usage("--checksum-mode is supported or required, not '" + checksumMode + "'");
        }
        return "WHEN_" + word;
    }

    private static String pem(Path file) throws IOException {
        try {
            return Files.readString(file);
        } catch (FileSystemException e) {
            throw new ApplianceException(
                    FailureKind.of(e), "the authority's certificate cannot be read: " + FailureKind.words(e), e);
        }
    }

    /** Of the words environment, file:PATH[:PROFILE], store, ask. */
    static Map<String, @Nullable Object> credentials(String words) throws ApplianceException {
        if (words.equals("environment")) {
            return ApplianceClient.body("source", "ENVIRONMENT");
        }
        if (words.startsWith("file:")) {
            String[] parts = words.split(":", 3);
            return ApplianceClient.body(
                    "source",
                    "FILE",
                    "file",
                    Path.of(parts[1]).toAbsolutePath().normalize().toString(),
                    "profile",
                    parts.length > 2 ? parts[2] : null);
        }
        if (words.equals("store")) {
            Map<String, String> environment = System.getenv();
            String access = environment.getOrDefault("AWS_ACCESS_KEY_ID", "");
            String secret = environment.getOrDefault("AWS_SECRET_ACCESS_KEY", "");
            if (access.isEmpty() || secret.isEmpty()) {
                throw ApplianceException.usage(
                        "'store' keeps the keys of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, which are not set");
            }
            return stored(access, secret, environment.get("AWS_SESSION_TOKEN"));
        }
        if (words.equals("ask")) {
            String access = Secrets.askOpenly("access key: ", STORE);
            return stored(access, Secrets.ask("secret key: ", STORE), null);
        }
        throw ApplianceException.usage(
                "--credentials is environment, file:PATH[:PROFILE], store or ask, not '" + words + "'");
    }

    private static Map<String, @Nullable Object> stored(String access, String secret, @Nullable String session) {
        return ApplianceClient.body(
                "source", "CATALOGUE", "accessKey", access, "secretKey", secret, "sessionToken", session);
    }
}
