package org.tidemark.appliance.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.persistence.Catalogue;
import org.tidemark.appliance.service.RestoreService;
import org.tidemark.backup.repository.log.PointList;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code tidemark points}. */
@Command(name = "points", description = "List the recovery points of a container.", mixinStandardHelpOptions = true)
final class PointsCommand implements Callable<Integer> {
    @Mixin
    private Output output = new Output();

    @Parameters(paramLabel = "NAME", description = "The container.")
    private String name = "";

    @Option(names = "--target", description = "Which target; may be left out when there is only one.")
    private @Nullable String target;

    @Override
    public Integer call() throws IOException {
        PointList list = new RestoreService(Catalogue.ofEnvironment(System.getenv())).points(name, target);
        List<Map<String, @Nullable Object>> rows = new ArrayList<>();
        list.points().forEach(point -> rows.add(PointRow.of(point)));
        output.rows(rows, "container '" + name + "' has no recovery point there");
        for (PointList.Unreadable record : list.unreadable()) {
            System.err.println("tidemark: record " + record.sequence() + " cannot be read: "
                    + record.why().getMessage());
        }
        return list.unreadable().isEmpty() ? ExitCodes.DONE : ExitCodes.DAMAGED;
    }
}
