package org.tidemark.appliance.service.replication;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.persistence.TargetEntry;
import org.tidemark.appliance.service.Points;
import org.tidemark.appliance.service.Repositories;
import org.tidemark.appliance.service.job.JobProgress;
import org.tidemark.appliance.service.job.RequestCounts;
import org.tidemark.appliance.service.job.RunningJob;
import org.tidemark.backup.replication.LinkShare;
import org.tidemark.backup.replication.PackRoom;
import org.tidemark.backup.replication.ReplicationProgress;
import org.tidemark.backup.replication.ReplicationResult;
import org.tidemark.backup.replication.Replicator;
import org.tidemark.backup.repository.BackupRepository;
import org.tidemark.backup.repository.RepositoryException;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.backup.target.RequestCounter;

/**
 * One run for all containers of a replica. Several are sent at once and share the link turn by turn; one that takes long steps
 * back for those that wait.
 */
final class ReplicationRun {
    /** Containers at once: each holds one pack. */
    private static final int WORKERS = 2;

    /** So long a container is sent while others wait. */
    private static final long SLICE_NANOS = TimeUnit.SECONDS.toNanos(30);

    /** Grows when there is a pack to be sent, which usually there is none. */
    private static final int FIRST_ROOM_BYTES = 1 << 20;

    private final RunningJob job;
    private final TargetEntry source;
    private final TargetEntry place;
    private final Points points;
    private final LinkShare share;
    private final RequestCounter sourceCounter = new RequestCounter();
    private final RequestCounter placeCounter = new RequestCounter();
    private final BackupRepository from;
    private final Repositories.Paced to;
    /** Containers whose turn comes. Guarded by this, as all below. */
    private final Deque<String> waiting = new ArrayDeque<>();

    private boolean ended;
    private final List<IOException> failures = new ArrayList<>();
    private final List<String> damaged = new ArrayList<>();
    private int alreadyThere;
    private int sentPoints;
    private int sentPacks;
    private long sentBytes;
    private long plannedBytes;
    private long arrivedBytes;

    ReplicationRun(
            RunningJob job,
            TargetEntry source,
            TargetEntry place,
            Repositories repositories,
            Points points,
            LinkShare share)
            throws IOException {
        this.job = job;
        this.source = source;
        this.place = place;
        this.points = points;
        this.share = share;
        job.phase("asking targets " + source.name() + " and " + place.name());
        from = repositories.forJob(source, sourceCounter, job);
        to = repositories.forReplication(place, placeCounter, ReplicaLinks.pace(share, this::isOver), this::isOver);
    }

    /** Told to end, or something failed that concerns all. */
    private boolean isOver() {
        return job.getAsBoolean() || isEnded();
    }

    private synchronized boolean isEnded() {
        return ended;
    }

    void run() throws IOException {
        List<String> containers = from.containers();
        waiting.addAll(containers);
        job.phase("replicating from " + source.name() + " to " + place.name());
        ExecutorService workers = newWorkers();
        try {
            List<Future<@Nullable Void>> works = new ArrayList<>();
            for (int i = 0; i < Math.min(WORKERS, containers.size()); i++) {
                Callable<@Nullable Void> work = () -> {
                    work();
                    return null;
                };
                works.add(workers.submit(work));
            }
            for (Future<@Nullable Void> work : works) {
                await(work);
            }
        } finally {
            workers.shutdownNow();
        }
        finish(containers.size());
    }

    private ExecutorService newWorkers() {
        return new ThreadPoolExecutor(
                WORKERS, WORKERS, 0, TimeUnit.SECONDS, new ArrayBlockingQueue<>(WORKERS), work -> {
                    Thread thread = new Thread(work, "replication-" + place.name());
                    thread.setDaemon(true);
                    return thread;
                });
    }

    private void await(Future<@Nullable Void> work) throws IOException {
        try {
            work.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while replicating to " + place.name(), e);
        } catch (ExecutionException e) {
            synchronized (this) {
                ended = true;
            }
            if (e.getCause() instanceof RuntimeException defect) {
                throw defect;
            }
            throw new IOException("the replication to " + place.name() + " failed", e.getCause());
        }
    }

    private void work() {
        PackRoom room = new PackRoom(FIRST_ROOM_BYTES);
        try {
            for (String container = next(); container != null; container = next()) {
                try {
                    bringUp(container, room);
                } catch (RepositoryException e) {
                    // It is this container's alone.
                    failed(e);
                }
            }
        } catch (IOException e) {
            failedForAll(e);
        }
    }

    /** What others end with after that is no failure of theirs. */
    private synchronized void failedForAll(IOException e) {
        if (!ended) {
            failures.add(e);
            ended = true;
        }
    }

    private synchronized void failed(RepositoryException e) {
        failures.add(e);
    }

    private synchronized @Nullable String next() {
        return ended || job.getAsBoolean() || share.isOff() ? null : waiting.poll();
    }

    private synchronized boolean othersWait() {
        return !waiting.isEmpty();
    }

    private void bringUp(String container, PackRoom room) throws IOException {
        long begun = System.nanoTime();
        points.refresh(source, from, container);
        int before = points.refresh(place, to.repository(), container).points().size();
        BooleanSupplier stop = () -> share.isOff() || System.nanoTime() - begun > SLICE_NANOS && othersWait();
        try (Replicator replicator = new Replicator(from, to.repository(), to.target(), room, stop, this::isOver)) {
            ReplicationResult result = replicator.run(container, progress(container));
            note(container, before, result);
        }
    }

    private synchronized void note(String container, int before, ReplicationResult result) {
        alreadyThere += before;
        sentPoints += result.points();
        sentPacks += result.packs();
        sentBytes += result.bytesSent();
        result.damaged().forEach(one -> damaged.add(String.valueOf(one.getMessage())));
        if (result.linkWentOff() && !share.isOff()) {
            // What it has sent of a point that is not whole counts when its turn comes again.
            alreadyThere -= before + result.points();
            waiting.add(container);
        }
    }

    private ReplicationProgress progress(String container) {
        return new ReplicationProgress() {
            @Override
            public void planned(long moreBytes) {
                tell(container, moreBytes, 0);
            }

            @Override
            public void sent(long bytes) {
                tell(container, 0, bytes);
            }

            @Override
            public void arrived(RecoveryPoint point) throws IOException {
                points.add(place, point);
                job.log("point " + point.pointId() + " of " + container + " arrived");
            }
        };
    }

    private void tell(String container, long plannedMore, long sentMore) {
        JobProgress now;
        synchronized (this) {
            plannedBytes += plannedMore;
            arrivedBytes += sentMore;
            long total = Math.max(plannedBytes, arrivedBytes);
            now = new JobProgress(
                    "replicating",
                    arrivedBytes,
                    total,
                    total == 0 ? null : (double) arrivedBytes / total,
                    container + ": sent " + arrivedBytes / (1 << 20) + " MiB of " + total / (1 << 20) + " MiB");
        }
        job.progress(now);
    }

    private synchronized void finish(int containers) throws IOException {
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("source", source.name());
        result.put("containers", containers);
        result.put("points", sentPoints);
        result.put("pointsAlreadyThere", alreadyThere);
        result.put("packs", sentPacks);
        result.put("bytesSent", sentBytes);
        result.put("sourceBytesRead", sourceCounter.count().bytesGot());
        RequestCounts.put(result, placeCounter);
        result.put("linkOff", share.isOff());
        job.result(result);
        damaged.forEach(job::notice);
        if (!failures.isEmpty()) {
            IOException first = failures.get(0);
            failures.stream().skip(1).forEach(more -> job.log("also: " + more.getMessage()));
            throw first;
        }
        if (job.getAsBoolean()) {
            throw new InterruptedIOException("the replication was cancelled");
        }
        if (share.isOff()) {
            job.notice("the bandwidth plan of '" + place.name() + "' says off now; the rest waits");
        }
        job.log("sent " + sentPoints + " points in " + sentPacks + " packs, " + sentBytes + " bytes");
    }
}
