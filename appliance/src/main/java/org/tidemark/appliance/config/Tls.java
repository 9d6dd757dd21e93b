package org.tidemark.appliance.config;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import org.tidemark.appliance.failure.ApplianceException;

/** Hands the certificate to the framework. */
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
        if (mode == Mode.OFF) {
            System.setProperty("quarkus.http.port", String.valueOf(port));
            return;
        }
        throw ApplianceException.usage("TLS mode " + mode + " of " + listen + " in " + state + environment.size());
    }
}
