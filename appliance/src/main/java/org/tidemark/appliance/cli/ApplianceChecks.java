package org.tidemark.appliance.cli;

import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.tidemark.appliance.client.Answer;
import org.tidemark.appliance.client.ApiPath;
import org.tidemark.appliance.client.ApplianceClient;
import org.tidemark.appliance.failure.FailureKind;
import org.tidemark.appliance.service.HostNeeds.Need;

/** Whether an appliance runs, fits to this command, and reaches its targets. */
final class ApplianceChecks {
    private static final Duration CLOCKS_DIFFER = Duration.ofSeconds(30);

    private ApplianceChecks() {}

    static List<Need> all(ApplianceAccess access) {
        List<Need> needs = new ArrayList<>();
        try {
            ApplianceClient client = access.client();
            Answer overview = client.get("/overview");
            needs.add(new Need("appliance", true, false, ""));
            String here = Tidemark.version();
            needs.add(new Need(
                    "appliance's version",
                    overview.text("version").equals(here) || here.equals(Tidemark.UNKNOWN_VERSION),
                    false,
                    "it is " + overview.text("version") + " and this command is " + here + ": start the appliance anew"));
            needs.add(clocks(overview));
            for (Answer target : client.list("/targets")) {
                Answer status = client.get(ApiPath.of("targets", target.text("name"))).object("status");
                needs.add(new Need(
                        "target " + target.text("name"), status.flag("reachable"), false, status.text("error")));
            }
        } catch (IOException e) {
            needs.add(new Need("appliance", false, false, FailureKind.words(e)));
        }
        return needs;
    }

    private static Need clocks(Answer overview) {
        Duration apart = Duration.between(Instant.parse(overview.text("time")), Instant.now())
                .abs();
        return new Need(
                "appliance's clock",
                apart.compareTo(CLOCKS_DIFFER) < 0,
                false,
                "it differs from the one here by " + apart.toSeconds() + " s; keep both with NTP");
    }
}
