package org.tidemark.appliance.cli;

import java.io.IOException;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.client.ApiPath;
import org.tidemark.appliance.client.ApplianceClient;
import org.tidemark.appliance.failure.FailureKind;

/** Cancels a job when that is asked for, or as soon as the job is known. */
final class JobCancellation {
    private final ApplianceClient client;
    private boolean asked;
    private @Nullable String job;

    JobCancellation(ApplianceClient client) {
        this.client = client;
    }

    /** The user wants the job to end. */
    synchronized void ask() {
        asked = true;
        cancel();
    }

    /** The job has an id now. */
    synchronized void of(String id) {
        job = id;
        cancel();
    }

    private void cancel() {
        String id = job;
        if (!asked || id == null) {
            return;
        }
        System.err.println();
        System.err.println("note: job " + id + " is being cancelled; ^C again leaves it");
        try {
            client.post(ApiPath.of("jobs", id, "cancel"), Map.of());
        } catch (IOException e) {
            System.err.println("note: it could not be cancelled: " + FailureKind.words(e));
        }
    }
}
