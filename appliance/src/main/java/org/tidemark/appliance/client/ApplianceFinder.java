package org.tidemark.appliance.client;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.net.URI;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;

/**
 * Finds the appliance: by options, else by {@code TIDEMARK_URL} and {@code TIDEMARK_TOKEN}, else by what the appliance of this
 * host left in its state folder for root.
 */
public final class ApplianceFinder implements Endpoint.Source {
    private static final String FILE = "local-access.json";
    private static final String NONE =
            "no appliance runs here; start it with 'tidemark serve' (or give --url and a token)";

    private final @Nullable String url;
    private final @Nullable Path tokenFile;
    private final Map<String, String> environment;

    /**
     * A finder.
     *
     * @param url null when it was not given
     * @param tokenFile null when it was not given
     */
    public ApplianceFinder(@Nullable String url, @Nullable Path tokenFile, Map<String, String> environment) {
        this.url = url;
        this.tokenFile = tokenFile;
        this.environment = Map.copyOf(environment);
    }

    @Override
    public Endpoint find() throws IOException {
        String named = url == null ? environment.getOrDefault("TIDEMARK_URL", "") : url;
        if (named.isEmpty()) {
            return ofThisHost();
        }
        String authority = environment.getOrDefault("TIDEMARK_CA", "");
        String fingerprint = environment.getOrDefault("TIDEMARK_CERTIFICATE_SHA256", "");
        return new Endpoint(
                checked(named),
                token(),
                fingerprint.isBlank() ? null : fingerprint.strip(),
                authority.isEmpty() ? null : Path.of(authority),
                false);
    }

    private static String checked(String named) throws ApplianceException {
        try {
            URI uri = URI.create(named);
            String scheme = String.valueOf(uri.getScheme()).toLowerCase(Locale.ROOT);
            if (uri.getHost() != null && (scheme.equals("http") || scheme.equals("https"))) {
                return named.replaceAll("/+$", "");
            }
        } catch (IllegalArgumentException e) {
            throw new ApplianceException(FailureKind.USAGE, "'" + named + "' is no address of an appliance", e);
        }
        throw ApplianceException.usage(
                "'" + named + "' is no address of an appliance; write for instance https://backup.example:8787");
    }

    private String token() throws IOException {
        String token = environment.getOrDefault("TIDEMARK_TOKEN", "");
        if (tokenFile != null) {
            try {
                token = Files.readString(tokenFile);
            } catch (FileSystemException e) {
                throw new ApplianceException(FailureKind.of(e), "the token cannot be read: " + FailureKind.words(e), e);
            }
        }
        if (token.isBlank()) {
            throw ApplianceException.usage("an address needs a token: give --token-file, or TIDEMARK_TOKEN");
        }
        return token.strip();
    }

    private Endpoint ofThisHost() throws IOException {
        Path state = Path.of(environment.getOrDefault("TIDEMARK_STATE", "/var/lib/tidemark"));
        Path file = state.resolve(FILE);
        Answer access;
        try {
            access = Answer.of(JSON.std.anyFrom(Files.readString(file)));
        } catch (AccessDeniedException e) {
            throw new ApplianceException(
                    FailureKind.NOT_PERMITTED,
                    file + " is for root alone: run this as root, or give --url and a token",
                    e);
        } catch (FileSystemException e) {
            throw new ApplianceException(FailureKind.UNAVAILABLE, NONE, e);
        }
        if (ProcessHandle.of(access.number("pid")).isEmpty()) {
            throw new ApplianceException(FailureKind.UNAVAILABLE, NONE);
        }
        return new Endpoint(
                access.text("url"), access.text("token"), access.textOrNull("certificateSha256"), null, true);
    }
}
