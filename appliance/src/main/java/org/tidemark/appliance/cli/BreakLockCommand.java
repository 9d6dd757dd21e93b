package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.Callable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.ploop.chain.ImagePlace;
import org.tidemark.ploop.chain.NfsImage;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code tidemark image break-lock}. */
@Command(
        name = "break-lock",
        description = {
            "Take the locks of an image on NFS away from a host that is dead and will not come back as it was.",
            "Watches for a minute whether it shows that it lives, and refuses then; takes minutes."
        },
        mixinStandardHelpOptions = true)
final class BreakLockCommand implements Callable<Integer> {
    @Mixin
    private Output output = new Output();

    @Parameters(
            paramLabel = "IMAGE",
            converter = ImagePlaces.class,
            description = "The image, nfs://SERVER/EXPORT/IMAGE.")
    private ImagePlace place = ImagePlace.of("");

    @Option(
            names = "--lease",
            hidden = true,
            defaultValue = "60",
            description =
                    "Of devices that were attached with another lease: seconds in which an owner shows that it lives.")
    private int leaseSeconds;

    @Override
    public Integer call() throws IOException {
        if (place.nfs().isEmpty()) {
            throw ApplianceException.usage(
                    place + ": only an image on NFS has such locks; elsewhere they end with the process that has them");
        }
        try (NfsImage image = NfsImage.forBreakingLocks(place.nfs().get(), Duration.ofSeconds(leaseSeconds))) {
            image.breakLocks();
        }
        output.object(fields("image", place.toString(), "broken", true));
        return ExitCodes.DONE;
    }
}
