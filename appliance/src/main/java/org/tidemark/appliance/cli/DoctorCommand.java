package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.service.HostNeeds;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code tidemark doctor}. */
@Command(
        name = "doctor",
        description = "Tell what this host and its appliance can do, what is missing and what to do about it.",
        mixinStandardHelpOptions = true)
final class DoctorCommand implements Callable<Integer> {
    @Mixin
    private Output output = new Output();

    @Mixin
    private ApplianceAccess access = new ApplianceAccess();

    @Override
    public Integer call() throws IOException {
        List<HostNeeds.Need> needs = new ArrayList<>(HostNeeds.all());
        needs.addAll(HostChecks.all(System.getenv()));
        needs.addAll(ApplianceChecks.all(access));
        List<Map<String, @Nullable Object>> rows = new ArrayList<>();
        boolean fit = true;
        for (HostNeeds.Need need : needs) {
            fit &= need.present() || !need.essential();
            rows.add(fields(
                    "what", need.what(),
                    "state", need.present() ? "ok" : need.essential() ? "MISSING" : "not there",
                    "do", need.present() ? "" : need.remedy()));
        }
        for (DeviceChecks.Health device : DeviceChecks.all(System.getenv())) {
            fit &= device.fit();
            rows.add(fields("what", device.what(), "state", device.state(), "do", device.remedy()));
        }
        output.rows(rows, "");
        return fit ? ExitCodes.DONE : ExitCodes.FAILED;
    }
}
