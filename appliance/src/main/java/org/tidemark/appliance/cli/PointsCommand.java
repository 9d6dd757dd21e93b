package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.client.Answer;
import org.tidemark.appliance.client.ApiPath;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code tidemark points}. */
@Command(
        name = "points",
        description = "List the recovery points of a container, the newest first.",
        mixinStandardHelpOptions = true)
final class PointsCommand implements Callable<Integer> {
    @Mixin
    private Output output = new Output();

    @Mixin
    private ApplianceAccess access = new ApplianceAccess();

    @Parameters(paramLabel = "NAME", description = "The container.", completionCandidates = Candidates.Containers.class)
    private String name = "";

    @Option(
            names = "--target",
            paramLabel = "NAME",
            description = "Points there alone; those of all targets when left out.",
            completionCandidates = Candidates.Targets.class)
    private @Nullable String target;

    @Option(names = "--all", description = "Also the expired ones, which no policy keeps any more.")
    private boolean all;

    @Override
    public Integer call() throws IOException {
        String path = ApiPath.query(
                ApiPath.of("containers", name, "points"), "target", target, "expired", all ? "true" : null);
        List<Map<String, @Nullable Object>> rows = new ArrayList<>();
        for (Answer point : access.client().list(path)) {
            rows.add(row(point, output.isJson()));
        }
        output.rows(rows, "container '" + name + "' has no recovery point there");
        return ExitCodes.DONE;
    }

    static Map<String, @Nullable Object> row(Answer point, boolean everything) {
        Map<String, @Nullable Object> row = fields(
                "point", point.text("pointId"),
                "number", point.number("sequence"),
                "instant", point.text("instant"),
                "grade", JobRun.word(point, "grade"),
                "mode", JobRun.word(point, "mode"),
                "freezeMillis", point.number("freezeMillis"),
                "bytesStored", point.number("bytesStored"),
                "target", point.text("target"));
        if (everything) {
            row.put("bytesRead", point.number("bytesRead"));
            row.put("bytesShipped", point.number("bytesShipped"));
            row.put("objects", point.number("objects"));
            row.put("fullReason", point.textOrNull("fullReason"));
            row.put("images", point.value("images"));
            row.put("protected", point.flag("protected"));
            row.put("expired", point.flag("expired"));
            row.put("keptBy", point.texts("keptBy"));
            row.put("verifiedAt", point.textOrNull("verifiedAt"));
        } else {
            row.put("kept", kept(point));
        }
        return row;
    }

    private static String kept(Answer point) {
        if (point.flag("protected")) {
            return "protected";
        }
        return point.flag("expired") ? "expired" : String.join(", ", point.texts("keptBy"));
    }
}
