package org.tidemark.appliance.cli;

import java.io.IOException;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.client.Answer;
import org.tidemark.appliance.client.ApplianceClient;
import picocli.CommandLine.Option;

/** Starts a job of the appliance and sees it through. Mixed into the commands that do. */
final class JobRun {
    @Option(names = "--no-wait", description = "Print the job's id and do not wait for its end.")
    private boolean noWait;

    /**
     * Starts it.
     *
     * @return the job when it has succeeded; empty when its end is not awaited
     */
    Optional<Answer> start(ApplianceClient client, Map<String, @Nullable Object> request, Output output)
            throws IOException {
        return start(client, "/jobs", request, output);
    }

    /** The same for a job that is asked for elsewhere. */
    Optional<Answer> start(ApplianceClient client, String path, Map<String, @Nullable Object> request, Output output)
            throws IOException {
        JobCancellation cancellation = new JobCancellation(client);
        // Listens before the job is there: a signal that comes meanwhile must not leave it running unseen.
        try (Interrupts interrupts = new Interrupts(cancellation::ask)) {
            Answer job = client.post(path, request);
            String id = job.text("id");
            if (noWait) {
                output.object(Output.fields("job", id, "state", word(job, "state")));
                return Optional.empty();
            }
            cancellation.of(id);
            return Optional.of(ApplianceClient.demandSuccess(follow(client, id, title(job), output)));
        }
    }

    static String title(Answer job) {
        String verb =
                switch (job.text("kind")) {
                    case "BACKUP" -> "backing up";
                    case "RESTORE" -> "restoring";
                    case "SNAPSHOT_DELETE" -> "deleting a snapshot";
                    case "SNAPSHOT_MERGE" -> "merging a snapshot";
                    case "MIGRATE" -> "moving";
                    case "ARRIVE" -> "starting";
                    case "REPLICATE" -> "replicating";
                    default -> "verifying";
                };
        return job.has("container") ? verb + " " + job.text("container") : verb;
    }

    /** Follows a job that somebody else started; ^C leaves it. */
    static Answer watch(ApplianceClient client, String id, String title, Output output) throws IOException {
        try (Interrupts interrupts = new Interrupts(() -> leave(id))) {
            return follow(client, id, title, output);
        }
    }

    private static void leave(String id) {
        System.err.println();
        System.err.println("tidemark: left; job " + id + " goes on in the appliance");
        Runtime.getRuntime().halt(ExitCodes.FAILED);
    }

    /** With a bar; notices go to standard error. */
    private static Answer follow(ApplianceClient client, String id, String title, Output output) throws IOException {
        Answer end;
        try (ProgressBar bar = new ProgressBar(title, !output.isJson())) {
            end = client.watch(id, job -> show(bar, job));
        }
        end.texts("notices").forEach(notice -> System.err.println("note: " + notice));
        return end;
    }

    private static void show(ProgressBar bar, Answer job) {
        Answer progress = job.object("progress");
        String text = progress.text("text").isEmpty() ? progress.text("phase") : progress.text("text");
        if (job.text("state").equals("QUEUED")) {
            bar.waiting("waits for its turn");
        } else if (progress.has("fraction")) {
            bar.at(progress.fraction("fraction"), text);
        } else {
            bar.waiting(text);
        }
    }

    /** A word of the interface as the command line writes it. */
    static String word(Answer answer, String name) {
        return answer.text(name).toLowerCase(Locale.ROOT);
    }
}
