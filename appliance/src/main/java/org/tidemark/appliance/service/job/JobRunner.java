package org.tidemark.appliance.service.job;

import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import jakarta.enterprise.event.Observes;
import jakarta.enterprise.inject.Any;
import jakarta.enterprise.inject.Instance;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jboss.logging.Logger;
import org.jboss.logging.MDC;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;
import org.tidemark.appliance.persistence.JobEntry;
import org.tidemark.appliance.persistence.Jobs;
import org.tidemark.appliance.persistence.NewJob;

/**
 * Runs jobs. One thread looks at the queue when something changed and starts what {@link JobAdmission} lets; each job has a
 * thread of its own, as many as admission allows.
 */
@Singleton
public final class JobRunner {
    private static final Logger LOG = Logger.getLogger(JobRunner.class);
    private static final int MAX_ATTEMPTS = 3;
    private static final Duration KEPT = Duration.ofDays(90);
    private static final long LOOK_SECONDS = 2;
    private static final Duration STOP_LIMIT = Duration.ofSeconds(15);

    private final Jobs jobs;
    private final JobAdmission admission;
    private final JobEvents events;
    private final Map<JobEntry.Kind, JobWork> works = new EnumMap<>(JobEntry.Kind.class);
    private final Map<Long, RunningJob> running = new ConcurrentHashMap<>();
    private final List<Thread> threads = new ArrayList<>();
    private final Semaphore wake = new Semaphore(0);
    private volatile boolean stopping;

    @Inject
    public JobRunner(Jobs jobs, JobAdmission admission, JobEvents events, @Any Instance<JobWork> works) {
        this.jobs = jobs;
        this.admission = admission;
        this.events = events;
        works.forEach(work -> work.kinds().forEach(kind -> this.works.put(kind, work)));
    }

    void start(@Observes StartupEvent event) {
        recover();
        int removed = jobs.removeEndedBefore(Instant.now().minus(KEPT));
        if (removed > 0) {
            LOG.infof("removed %d jobs that ended more than %d days ago", removed, KEPT.toDays());
        }
        begin(this::dispatch, "jobs");
    }

    /** What ran when the last appliance died runs again, or has failed too often. */
    private void recover() {
        for (JobEntry entry : jobs.open()) {
            if (entry.state() != JobEntry.State.RUNNING) {
                continue;
            }
            String text = "the appliance ended while this ran (attempt " + entry.attempt() + ")";
            boolean again = entry.attempt() < MAX_ATTEMPTS;
            jobs.log(
                    entry.id(),
                    new Jobs.LogLine(Instant.now(), "WARN", text + (again ? "; it runs again" : "; given up")));
            if (again) {
                jobs.requeue(entry.id(), true);
            } else {
                Map<String, Object> error = error(
                        FailureKind.FAILED, text + ", as in every attempt before; look at the log of the appliance");
                jobs.finish(
                        entry.id(), new Jobs.End(JobEntry.State.FAILED, null, error, entry.notices()), Instant.now());
            }
        }
    }

    /** Queues a job. */
    public JobState submit(NewJob job) throws ApplianceException {
        return queued(jobs.add(job, Instant.now()));
    }

    /** Queues the job of a slot of a schedule; the slot counts as run from then on. */
    public JobState submitSlot(NewJob job, Instant slot) throws ApplianceException {
        return queued(jobs.addOfSlot(job, slot, Instant.now()));
    }

    private JobState queued(JobEntry entry) {
        JobState state = new JobState(entry, JobProgress.NONE);
        events.tell(state);
        wake.release();
        return state;
    }

    /** The state of a job now. */
    public JobState state(JobEntry entry) {
        RunningJob live = running.get(entry.id());
        return new JobState(entry, live == null ? JobProgress.NONE : live.progress());
    }

    /** Asks a job to end; one that is only queued ends at once. */
    public JobState cancel(long id) throws ApplianceException {
        JobEntry entry = jobs.get(id);
        if (entry.state().isFinal()) {
            throw ApplianceException.conflict(
                    "job " + id + " has ended already: " + entry.state().name().toLowerCase(java.util.Locale.ROOT));
        }
        RunningJob live = running.get(id);
        if (live != null) {
            live.cancel();
        } else {
            end(entry, JobEntry.State.CANCELLED, null, null, List.of());
        }
        return state(jobs.get(id));
    }

    private void dispatch() {
        while (!stopping) {
            try {
                startWhatMay();
            } catch (RuntimeException e) {
                LOG.error("the queue of jobs could not be read; trying again", e);
            }
            try {
                if (wake.tryAcquire(LOOK_SECONDS, TimeUnit.SECONDS)) {
                    wake.drainPermits();
                }
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    private void startWhatMay() {
        List<JobEntry> open = jobs.open();
        for (JobEntry entry : admission.next(open)) {
            if (!stopping && jobs.start(entry.id(), Instant.now())) {
                JobEntry started = jobs.find(entry.id()).orElse(entry);
                RunningJob job =
                        new RunningJob(started, jobs, live -> events.tell(new JobState(started, live.progress())));
                running.put(entry.id(), job);
                begin(() -> run(job), "job-" + entry.id());
            }
        }
    }

    private void begin(Runnable work, String name) {
        Thread thread = new Thread(work, name);
        thread.setDaemon(true);
        synchronized (threads) {
            threads.removeIf(one -> one.getState() == Thread.State.TERMINATED);
            threads.add(thread);
        }
        thread.start();
    }

    private void run(RunningJob job) {
        JobEntry entry = job.entry();
        MDC.put("job", String.valueOf(entry.id()));
        try {
            events.tell(new JobState(entry, job.progress()));
            Objects.requireNonNull(works.get(entry.kind())).run(job);
            end(entry, JobEntry.State.SUCCEEDED, job.result(), null, job.notices());
        } catch (Exception | LinkageError | OutOfMemoryError e) {
            failed(job, e);
        } finally {
            running.remove(entry.id());
            wake.release();
            MDC.remove("job");
        }
    }

    private void failed(RunningJob job, Throwable failure) {
        JobEntry entry = job.entry();
        switch (job.wish()) {
            case SUSPEND -> {
                job.log("the appliance ends; this goes on at its next start");
                jobs.requeue(entry.id(), false);
            }
            case CANCEL -> {
                job.log("cancelled");
                end(entry, JobEntry.State.CANCELLED, job.result(), null, job.notices());
            }
            case NONE -> {
                FailureKind kind = FailureKind.of(failure);
                String words = FailureKind.words(failure);
                if ((failure instanceof RuntimeException && kind == FailureKind.FAILED) || failure instanceof Error) {
                    LOG.error("a job met a defect of the appliance", failure);
                }
                job.logError(words);
                end(entry, JobEntry.State.FAILED, job.result(), error(kind, words), job.notices());
            }
        }
    }

    private static Map<String, Object> error(FailureKind kind, String detail) {
        return Map.of("code", kind.code(), "title", kind.title(), "detail", detail);
    }

    private void end(
            JobEntry entry,
            JobEntry.State state,
            @org.jspecify.annotations.Nullable Map<String, Object> result,
            @org.jspecify.annotations.Nullable Map<String, Object> error,
            List<String> notices) {
        jobs.finish(entry.id(), new Jobs.End(state, result, error, notices), Instant.now());
        Optional<JobEntry> ended = jobs.find(entry.id());
        ended.ifPresent(now -> events.tell(new JobState(now, JobProgress.NONE)));
    }

    void stop(@Observes ShutdownEvent event) {
        stopping = true;
        running.values().forEach(job -> job.wish(RunningJob.Wish.SUSPEND));
        wake.release();
        long end = System.nanoTime() + STOP_LIMIT.toNanos();
        List<Thread> left;
        synchronized (threads) {
            left = List.copyOf(threads);
        }
        for (Thread thread : left) {
            try {
                TimeUnit.NANOSECONDS.timedJoin(thread, Math.max(1, end - System.nanoTime()));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }
}
