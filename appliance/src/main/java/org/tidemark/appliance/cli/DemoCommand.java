package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.demo.Demo;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code tidemark demo}. */
@Command(
        name = "demo",
        description = "Back up a container under load, destroy it, restore it, and prove that it is right.",
        mixinStandardHelpOptions = true)
final class DemoCommand implements Callable<Integer> {
    @Mixin
    private Output output = new Output();

    @Option(names = "--keep", description = "Leave images, repository and logs where they are.")
    private boolean keep;

    @Option(names = "--folder", paramLabel = "DIR", description = "Where to work (else a new folder in /var/tmp).")
    private @Nullable Path where;

    @Override
    public Integer call() throws IOException {
        List<String> missing = new ArrayList<>();
        for (DoctorCommand.Need need : DoctorCommand.needs()) {
            if (need.essential() && !need.present()) {
                missing.add(need.what() + ": " + need.remedy());
            }
        }
        if (!missing.isEmpty()) {
            System.err.println("tidemark: this host lacks what the demonstration needs:");
            missing.forEach(line -> System.err.println("  " + line));
            return ExitCodes.FAILED;
        }
        Path parent = where == null ? Path.of("/var/tmp") : Files.createDirectories(where);
        Path folder = Files.createTempDirectory(parent, "tidemark-demo-");
        long begun = System.nanoTime();
        try (Cancellation cancelled = new Cancellation()) {
            List<Demo.Row> rows = new Demo(folder, this::step, cancelled).run();
            print(rows);
            output.say(String.format(
                    Locale.ROOT,
                    "proven in %.1f s%s",
                    (System.nanoTime() - begun) / 1e9,
                    keep ? "; kept in " + folder : ""));
            return ExitCodes.DONE;
        } finally {
            if (!keep) {
                Demo.removeTree(folder);
            }
        }
    }

    private void step(String words) {
        output.say("  " + words);
    }

    private void print(List<Demo.Row> rows) throws IOException {
        List<Map<String, @Nullable Object>> table = new ArrayList<>();
        for (Demo.Row row : rows) {
            table.add(fields(
                    "point", row.point(),
                    "grade", row.grade(),
                    "freeze ms", decimal(row.freezeMillis()),
                    "read", row.chunksRead(),
                    "changed", row.chunksChanged(),
                    "shipped", row.chunksShipped(),
                    "bytes stored", row.bytesStored(),
                    "seconds", decimal(row.seconds())));
        }
        output.rows(table, "");
    }

    private static String decimal(double value) {
        return String.format(Locale.ROOT, "%.2f", value);
    }
}
