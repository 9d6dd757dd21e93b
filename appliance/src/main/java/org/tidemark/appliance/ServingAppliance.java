package org.tidemark.appliance;

import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.QuarkusApplication;
import java.io.IOException;
import org.tidemark.appliance.config.Startup;
import org.tidemark.appliance.security.FirstStart;
import org.tidemark.appliance.security.LocalAccess;
import org.tidemark.ploop.server.ManagedService;

/** Says where the appliance is to be reached, once it is, and waits for its end. */
public final class ServingAppliance implements QuarkusApplication {
    private final LocalAccess localAccess;
    private final FirstStart firstStart;

    public ServingAppliance(LocalAccess localAccess, FirstStart firstStart) {
        this.localAccess = localAccess;
        this.firstStart = firstStart;
    }

    @Override
    public int run(String... arguments) throws IOException {
        localAccess.publish(Startup.localUrl(), Startup.certificateSha256());
        var link = firstStart.begin(Startup.publicUrl());
        String setUp = link.map(words -> "tidemark: set up at " + words + "\n").orElse("");
        // In one piece: whoever waits for the first line may look for the second one at once.
        System.out.print("tidemark: listening on " + Startup.publicUrl() + "\n" + setUp);
        System.out.flush();
        ManagedService service = ManagedService.of(System.getenv());
        service.ready("listening on " + Startup.publicUrl());
        // Of this process only: a database that does not answer is no reason to end jobs.
        service.watch(() -> {});
        Quarkus.waitForExit();
        return 0;
    }
}
