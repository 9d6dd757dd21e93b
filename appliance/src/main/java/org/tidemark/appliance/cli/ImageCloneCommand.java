package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.chain.ImageClone;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code tidemark image clone}. */
@Command(
        name = "clone",
        description = {
            "Make an image that begins as another one is, at once whatever its size: the two share files that do not change"
                    + " any more, and must lie on one file system.",
            "The present content of a template becomes a snapshot of it first, unless nothing was written since its last one."
        },
        mixinStandardHelpOptions = true)
final class ImageCloneCommand implements Callable<Integer> {
    @Mixin
    private Output output = new Output();

    @Parameters(index = "0", paramLabel = "TEMPLATE", description = "The image to begin with.")
    private Path template = Path.of("");

    @Parameters(
            index = "1..*",
            arity = "1..*",
            paramLabel = "IMAGE",
            description = "The folders to make, one clone each; nothing may be there.")
    private List<Path> destinations = List.of();

    @Option(names = "--at", paramLabel = "SNAPSHOT", description = "Begin with this snapshot of the template.")
    private @Nullable String snapshot;

    @Override
    public Integer call() throws IOException {
        ImageClone clone = new ImageClone(UUID::randomUUID);
        List<Map<String, @Nullable Object>> made = new ArrayList<>();
        try {
            for (Path destination : destinations) {
                made.add(shown(destination, clone.make(template, Optional.ofNullable(snapshot), destination)));
            }
        } finally {
            if (destinations.size() == 1 && made.size() == 1) {
                output.object(made.get(0));
            } else if (destinations.size() > 1) {
                output.rows(made, "no clone was made");
            }
        }
        return ExitCodes.DONE;
    }

    private Map<String, @Nullable Object> shown(Path destination, ImageClone.Made made) {
        return fields(
                "image",
                destination.toString(),
                "template",
                template.toString(),
                "snapshot",
                made.snapshot().orElse(null),
                "levels",
                made.files().links().size());
    }
}
