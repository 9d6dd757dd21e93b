package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.persistence.Catalogue;
import org.tidemark.appliance.service.RestoreService;
import org.tidemark.backup.repository.verify.Damage;
import org.tidemark.backup.repository.verify.VerifyReport;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code tidemark verify}. */
@Command(
        name = "verify",
        description = "Read every chunk of recovery points and compare it with its hash.",
        mixinStandardHelpOptions = true)
final class VerifyCommand implements Callable<Integer> {
    @Mixin
    private Output output = new Output();

    @Parameters(arity = "0..1", paramLabel = "NAME", description = "A container; everything when left out.")
    private @Nullable String name;

    @Option(names = "--point", description = "One point: latest, the start of its id, or a time.")
    private @Nullable String point;

    @Option(names = "--target", description = "Which target; may be left out when there is only one.")
    private @Nullable String target;

    @Override
    public Integer call() throws IOException {
        try (Cancellation cancelled = new Cancellation()) {
            VerifyReport report =
                    new RestoreService(Catalogue.ofEnvironment(System.getenv())).verify(name, point, target, cancelled);
            for (Damage damage : report.damages()) {
                System.err.println("DAMAGED container " + damage.containerId() + " point " + damage.point() + " image "
                        + damage.imageId() + " at " + damage.offsetBytes() + ": " + damage.what());
            }
            output.object(fields(
                    "points", report.points(), "chunksRead", report.chunksRead(), "damages", report.damageCount()));
            return report.clean() ? ExitCodes.DONE : ExitCodes.DAMAGED;
        }
    }
}
