package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.client.Answer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code tidemark status}: am I safe? */
@Command(
        name = "status",
        description =
                "Tell whether everything is protected. Ends with 0 when it is, with 1 when something needs a look.",
        mixinStandardHelpOptions = true)
final class StatusCommand implements Callable<Integer> {
    @Mixin
    private Output output = new Output();

    @Mixin
    private ApplianceAccess access = new ApplianceAccess();

    @Override
    public Integer call() throws IOException {
        Answer overview = access.client().get("/overview");
        if (output.isJson()) {
            output.object(overview.fields());
        } else {
            output.say(overview.text("state") + ": " + overview.text("sentence"));
            output.say("");
            output.object(fields(
                    "containers", counts(overview.object("containers"), "safe", "late", "failing", "unprotected"),
                    "targets", counts(overview.object("targets"), "unreachable"),
                    "jobs", counts(overview.object("jobs"), "running", "queued"),
                    "last 24 hours",
                            counts(overview.object("jobs"), "succeededLastDay", "failedLastDay")
                                            .replace("LastDay", "")
                                    + ", " + Sizes.human(overview.number("storedBytesLastDay")) + " stored",
                    "appliance", overview.text("version") + " on " + overview.text("hostName")));
            List<Map<String, @Nullable Object>> rows = new ArrayList<>();
            for (Answer one : overview.objects("attention")) {
                rows.add(fields("look at", one.text("kind") + " " + one.text("name"), "because", one.text("sentence")));
            }
            if (!rows.isEmpty()) {
                output.say("");
                output.rows(rows, "");
            }
        }
        return overview.text("state").equals("SAFE") ? ExitCodes.DONE : ExitCodes.FAILED;
    }

    private static String counts(Answer counts, String... names) {
        List<String> parts = new ArrayList<>();
        if (counts.has("total")) {
            parts.add(counts.number("total") + " in all");
        }
        for (String name : names) {
            if (counts.number(name) > 0) {
                parts.add(counts.number(name) + " " + name);
            }
        }
        return parts.isEmpty() ? "none" : String.join(", ", parts);
    }
}
