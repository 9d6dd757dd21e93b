package org.tidemark.appliance.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.client.Answer;
import org.tidemark.appliance.failure.ApplianceException;
import picocli.CommandLine.Option;

/** What a policy is made of. What is not given stays as it was. */
final class PolicyOptions {
    @Option(
            names = "--container",
            paramLabel = "CONTAINER",
            split = ",",
            description = "A container to back up; give the option once for each.",
            completionCandidates = Candidates.Containers.class)
    private List<String> containers = new ArrayList<>();

    @Option(
            names = "--target",
            paramLabel = "TARGET",
            description = "Where to.",
            completionCandidates = Candidates.Targets.class)
    private @Nullable String target;

    @Option(
            names = "--every",
            paramLabel = "TIME",
            converter = Times.Length.class,
            description = "So often: 5m, 12h, 1d.")
    private @Nullable Long every;

    @Option(
            names = "--cron",
            paramLabel = "FIELDS",
            description = "At these times: minute, hour, day of month, month, day of week; for instance '30 2 * * *'.")
    private @Nullable String cron;

    @Option(names = "--zone", paramLabel = "ZONE", description = "Time zone of --cron, such as Europe/Berlin (usual: the appliance's).")
    private @Nullable String zone;

    @Option(
            names = "--jitter",
            paramLabel = "TIME",
            converter = Times.Length.class,
            description = "Begin up to so much later, so that not everything begins at once.")
    private @Nullable Long jitter;

    @Option(
            names = "--missed",
            paramLabel = "WHAT",
            description = "After the appliance was off: run-once (usual) or skip.")
    private @Nullable String missed;

    @Option(names = "--keep-last", paramLabel = "N", description = "Keep the newest N points.")
    private @Nullable Integer last;

    @Option(names = "--keep-hourly", paramLabel = "N", description = "Keep the newest point of each of N hours.")
    private @Nullable Integer hourly;

    @Option(names = "--keep-daily", paramLabel = "N", description = "Keep the newest point of each of N days.")
    private @Nullable Integer daily;

    @Option(names = "--keep-weekly", paramLabel = "N", description = "Keep the newest point of each of N weeks.")
    private @Nullable Integer weekly;

    @Option(names = "--keep-monthly", paramLabel = "N", description = "Keep the newest point of each of N months.")
    private @Nullable Integer monthly;

    @Option(names = "--keep-yearly", paramLabel = "N", description = "Keep the newest point of each of N years.")
    private @Nullable Integer yearly;

    @Option(
            names = "--keep-within",
            paramLabel = "TIME",
            converter = Times.Length.class,
            description = "Keep every point younger than this: 30d.")
    private @Nullable Long within;

    @Option(names = "--disable", description = "It does not run by itself.")
    private boolean disable;

    @Option(names = "--enable", description = "It runs by itself (usual).")
    private boolean enable;

    /**
     * The body of a request.
     *
     * @param before the policy as it is; empty for a new one
     */
    Map<String, @Nullable Object> request(String name, Answer before) throws ApplianceException {
        if (disable && enable) {
            throw ApplianceException.usage("give one of --enable and --disable");
        }
        Map<String, @Nullable Object> request = new LinkedHashMap<>();
        request.put("name", name);
        request.put("containers", containers.isEmpty() ? before.texts("containers") : containers);
        request.put("target", target == null ? before.textOrNull("target") : target);
        request.put("schedule", schedule(before.object("schedule")));
        request.put("retention", retention(before.object("retention")));
        request.put("enabled", enable || !disable && (!before.has("enabled") || before.flag("enabled")));
        if (containers.isEmpty() && !before.has("containers")) {
            throw ApplianceException.usage("give the containers: --container NAME");
        }
        if (request.get("target") == null) {
            throw ApplianceException.usage("give the target: --target NAME");
        }
        return request;
    }

    private Map<String, @Nullable Object> schedule(Answer before) throws ApplianceException {
        if (every != null && cron != null) {
            throw ApplianceException.usage("give one of --every and --cron");
        }
        Map<String, @Nullable Object> schedule = new LinkedHashMap<>(before.fields());
        if (every != null) {
            schedule.put("kind", "EVERY");
            schedule.put("everySeconds", every);
            schedule.remove("cron");
            schedule.remove("zone");
        }
        if (cron != null) {
            schedule.put("kind", "CRON");
            schedule.put("cron", cron);
            schedule.remove("everySeconds");
        }
        if (zone != null) {
            schedule.put("zone", zone);
        }
        if (jitter != null) {
            schedule.put("jitterSeconds", jitter);
        }
        if (missed != null) {
            schedule.put("missed", missed.toUpperCase(Locale.ROOT).replace('-', '_'));
        }
        if (!schedule.containsKey("kind")) {
            throw ApplianceException.usage("say when: --every TIME or --cron FIELDS");
        }
        return schedule;
    }

    private Map<String, @Nullable Object> retention(Answer before) {
        Map<String, @Nullable Object> retention = new LinkedHashMap<>(before.fields());
        put(retention, "last", last);
        put(retention, "hourly", hourly);
        put(retention, "daily", daily);
        put(retention, "weekly", weekly);
        put(retention, "monthly", monthly);
        put(retention, "yearly", yearly);
        put(retention, "withinSeconds", within);
        return retention;
    }

    /** Nought takes a rule away. */
    private static void put(Map<String, @Nullable Object> retention, String name, @Nullable Number value) {
        if (value != null && value.longValue() == 0) {
            retention.remove(name);
        } else if (value != null) {
            retention.put(name, value);
        }
    }
}
