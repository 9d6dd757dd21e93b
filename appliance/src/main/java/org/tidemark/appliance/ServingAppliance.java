package org.tidemark.appliance;

import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.QuarkusApplication;
import org.tidemark.appliance.config.Startup;

/** Says where the appliance is to be reached, once it is, and waits for its end. */
public final class ServingAppliance implements QuarkusApplication {
    @Override
    public int run(String... arguments) {
        System.out.println("tidemark: listening on " + Startup.publicUrl());
        System.out.flush();
        Quarkus.waitForExit();
        return 0;
    }
}
