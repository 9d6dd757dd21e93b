package org.tidemark.appliance.client;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;

/**
 * Follows one job to its end: by its events, and by asking again and again where those do not get through. An appliance that
 * dies and starts anew takes its jobs up again, so its absence is borne for a while.
 */
final class JobWatch {
    private static final Set<String> ENDED = Set.of("SUCCEEDED", "FAILED", "CANCELLED");
    private static final Duration PATIENCE = Duration.ofSeconds(90);
    private static final long PAUSE_NANOS = 300_000_000;
    private static final int CUT_OFF = 3;

    private final ApplianceClient client;
    private final JobListener listener;

    JobWatch(ApplianceClient client, JobListener listener) {
        this.client = client;
        this.listener = listener;
    }

    Answer untilEnd(String jobId) throws IOException {
        String path = ApiPath.of("jobs", jobId);
        long heard = System.nanoTime();
        int cut = 0;
        while (true) {
            try {
                Answer end = cut < CUT_OFF ? events(path + "/events") : null;
                if (end == null) {
                    end = asked(path);
                }
                if (end != null) {
                    return end;
                }
                cut++;
                heard = System.nanoTime();
            } catch (ApplianceException e) {
                if (!isPassing(e.kind()) || System.nanoTime() - heard > PATIENCE.toNanos()) {
                    throw e;
                }
                findAgain();
            }
            LockSupport.parkNanos(PAUSE_NANOS);
            if (Thread.currentThread().isInterrupted()) {
                throw new IOException("interrupted while job " + jobId + " was watched");
            }
        }
    }

    private boolean isPassing(FailureKind kind) {
        return switch (kind) {
            case UNREACHABLE, UNAVAILABLE -> true;
            // The token of this host is another after a new start.
            case NOT_AUTHENTICATED, NOT_PERMITTED -> client.endpoint().local();
            default -> false;
        };
    }

    private void findAgain() {
        try {
            client.findAgain();
        } catch (IOException e) {
            // Not back yet; the old address stays.
            LockSupport.parkNanos(PAUSE_NANOS);
        }
    }

    private @Nullable Answer asked(String path) throws IOException {
        return told(client.get(path));
    }

    /** The job when it has ended. */
    private @Nullable Answer told(Answer job) {
        listener.changed(job);
        return ENDED.contains(job.text("state")) ? job : null;
    }

    /** Reads until the job ends or the stream does; null for the latter. */
    private @Nullable Answer events(String path) throws IOException {
        HttpURLConnection connection = client.transport().stream(path);
        try {
            int status = connection.getResponseCode();
            if (status != HttpURLConnection.HTTP_OK) {
                throw client.problem(status, refusal(connection));
            }
            EventReader reader = new EventReader(connection.getInputStream());
            EventReader.Event event = reader.next();
            while (event != null) {
                Answer end = event.name().equals("job") ? told(Answer.of(JSON.std.anyFrom(event.data()))) : null;
                if (end != null) {
                    return end;
                }
                event = reader.next();
            }
            return null;
        } catch (ApplianceException e) {
            throw e;
        } catch (IOException e) {
            throw client.transport().failure(e);
        } finally {
            connection.disconnect();
        }
    }

    private static Answer refusal(HttpURLConnection connection) throws IOException {
        try (InputStream in = connection.getErrorStream()) {
            return in == null
                    ? Answer.EMPTY
                    : Answer.of(JSON.std.anyFrom(new String(in.readAllBytes(), StandardCharsets.UTF_8)));
        }
    }
}
