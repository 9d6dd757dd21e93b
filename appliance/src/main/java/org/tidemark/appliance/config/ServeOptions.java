package org.tidemark.appliance.config;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The options of {@code tidemark serve}; each stands above the environment and the settings file. */
@Command(
        name = "serve",
        description = "Run the appliance: the interface for browsers and programs, schedules, jobs. In the foreground.",
        mixinStandardHelpOptions = true)
public final class ServeOptions {
    @Option(names = "--listen", paramLabel = "HOST:PORT", description = "Where to listen (usual: 0.0.0.0:8787).")
    @Nullable
    String listen;

    @Option(names = "--state", paramLabel = "DIR", description = "State folder (usual: /var/lib/tidemark).")
    @Nullable
    Path state;

    @Option(names = "--run", paramLabel = "DIR", description = "Run folder, tmpfs (usual: /run/tidemark).")
    @Nullable
    Path run;

    @Option(names = "--tls", paramLabel = "MODE", description = "generated, files, or off (on this host only).")
    @Nullable
    String tls;

    @Option(names = "--config", paramLabel = "FILE", description = "A properties file with settings.")
    @Nullable
    Path config;

    @Option(
            names = "--provision",
            paramLabel = "FILE",
            description = "JSON with targets, containers and policies that shall exist.")
    @Nullable
    Path provision;

    @Option(names = "--log", paramLabel = "FORM", description = "text, or json with one object a line.")
    @Nullable
    String log;
}
