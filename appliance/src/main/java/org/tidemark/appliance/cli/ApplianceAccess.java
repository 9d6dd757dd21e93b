package org.tidemark.appliance.cli;

import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.client.ApplianceClient;
import org.tidemark.appliance.client.ApplianceFinder;
import picocli.CommandLine.Option;

/** Which appliance a command speaks to. Mixed into every command that does. */
final class ApplianceAccess {
    @Option(
            names = "--url",
            paramLabel = "URL",
            description = "Address of the appliance, else TIDEMARK_URL, else the appliance of this host.")
    private @Nullable String url;

    @Option(
            names = "--token-file",
            paramLabel = "FILE",
            description = "File that holds a token for that address, else TIDEMARK_TOKEN.")
    private @Nullable Path tokenFile;

    ApplianceClient client() throws IOException {
        return new ApplianceClient(new ApplianceFinder(url, tokenFile, System.getenv()));
    }
}
