package org.tidemark.appliance.service.job;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.persistence.JobEntry;
import org.tidemark.appliance.persistence.Jobs;

/** A job while it runs: what its work tells, and what it is told. Safe for many threads. */
public final class RunningJob implements BooleanSupplier {
    private static final Logger LOG = Logger.getLogger(RunningJob.class);
    private static final long TELL_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

    /** Why a job shall end early. */
    enum Wish {
        NONE,
        CANCEL,
        /** The appliance ends; the job goes on after its next start. */
        SUSPEND
    }

    private final JobEntry entry;
    private final Jobs jobs;
    private final Consumer<RunningJob> changed;
    private final List<String> notices = new ArrayList<>();
    private volatile Wish wish = Wish.NONE;
    private @Nullable String pastRecall;
    private volatile JobProgress progress = JobProgress.NONE;
    private volatile @Nullable Map<String, Object> result;
    private long toldNanos = System.nanoTime() - TELL_NANOS;

    RunningJob(JobEntry entry, Jobs jobs, Consumer<RunningJob> changed) {
        this.entry = entry;
        this.jobs = jobs;
        this.changed = changed;
    }

    public JobEntry entry() {
        return entry;
    }

    /** Whether the work shall end. */
    @Override
    public boolean getAsBoolean() {
        return wish != Wish.NONE;
    }

    Wish wish() {
        return wish;
    }

    /** A person's wish to cancel stands above the appliance's to suspend. */
    synchronized void wish(Wish wanted) {
        if (wish != Wish.CANCEL) {
            wish = wanted;
        }
    }

    /** From here on the job is not cancelled any more, also when that was wished a moment ago; it can still be suspended. */
    public synchronized void pastRecall(String why) {
        pastRecall = why;
        if (wish == Wish.CANCEL) {
            wish = Wish.NONE;
            log("it is too late to cancel it: " + why);
        }
    }

    /** Wishes that it ends; refused when that is not possible any more. */
    synchronized void cancel() throws ApplianceException {
        if (pastRecall != null) {
            throw ApplianceException.conflict("job " + entry.id() + " cannot be cancelled any more: " + pastRecall);
        }
        wish(Wish.CANCEL);
    }

    public JobProgress progress() {
        return progress;
    }

    /** Tells how far the work is; cheap, and passed on a few times a second at most. */
    public void progress(JobProgress now) {
        boolean phase = !now.phase().equals(progress.phase());
        progress = now;
        synchronized (this) {
            long nanos = System.nanoTime();
            if (!phase && nanos - toldNanos < TELL_NANOS) {
                return;
            }
            toldNanos = nanos;
        }
        changed.accept(this);
    }

    /** Names what is done now, without a measure. */
    public void phase(String phase) {
        progress(new JobProgress(phase, 0, null, null, phase));
        log(phase);
    }

    public void log(String text) {
        LOG.info(text);
        jobs.log(entry.id(), new Jobs.LogLine(Instant.now(), "INFO", text));
    }

    void logError(String text) {
        LOG.error(text);
        jobs.log(entry.id(), new Jobs.LogLine(Instant.now(), "ERROR", text));
    }

    /** Something the user should know although it did not fail. */
    public void notice(String text) {
        LOG.warn(text);
        jobs.log(entry.id(), new Jobs.LogLine(Instant.now(), "WARN", text));
        synchronized (notices) {
            notices.add(text);
        }
    }

    List<String> notices() {
        synchronized (notices) {
            return List.copyOf(notices);
        }
    }

    /** Writes down what this job has to know when it runs again after a death of the appliance; durable on return. */
    public void memo(Map<String, Object> values) {
        jobs.memo(entry.id(), values);
    }

    /** What an earlier attempt wrote down. */
    public Map<String, Object> memo() {
        return jobs.memo(entry.id());
    }

    /** What came of it; kept also when the work fails afterwards. */
    public void result(Map<String, Object> values) {
        result = values;
    }

    @Nullable
    Map<String, Object> result() {
        return result;
    }
}
