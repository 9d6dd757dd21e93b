package org.tidemark.appliance.security;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.tidemark.appliance.config.PrivateFile;

/**
 * Lets root of this host in: a token in a file that only root reads. It is good as long as this process lives and is kept nowhere
 * else.
 */
public final class LocalAccess {
    /** Name of the file in the state folder. */
    public static final String FILE = "local-access.json";

    private final Path file;
    private final String secret;
    private final String hash;

    public LocalAccess(Path stateFolder, SecureRandom random) {
        this.file = stateFolder.resolve(FILE);
        this.secret = RandomSecret.fresh(random, Tokens.PREFIX);
        this.hash = RandomSecret.hash(secret);
    }

    /** Called when requests are answered. */
    public void publish(String url, String certificateSha256) throws IOException {
        Map<String, Object> content = new LinkedHashMap<>();
        content.put("url", url);
        content.put("token", secret);
        if (!certificateSha256.isEmpty()) {
            content.put("certificateSha256", certificateSha256);
        }
        content.put("pid", ProcessHandle.current().pid());
        PrivateFile.write(file, JSON.std.asString(content) + "\n");
    }

    public void withdraw() throws IOException {
        Files.deleteIfExists(file);
    }

    Optional<Caller> authenticate(String shown) {
        String shownHash = RandomSecret.hash(shown);
        return RandomSecret.same(hash, shownHash)
                ? Optional.of(new Caller(Caller.Kind.LOCAL, "local", Scope.withImplied(Set.of(Scope.ADMIN)), shownHash))
                : Optional.empty();
    }
}
