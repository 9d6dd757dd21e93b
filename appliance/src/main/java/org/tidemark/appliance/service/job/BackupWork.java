package org.tidemark.appliance.service.job;

import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.tidemark.appliance.persistence.ApplianceIdentity;
import org.tidemark.appliance.persistence.ContainerEntry;
import org.tidemark.appliance.persistence.Containers;
import org.tidemark.appliance.persistence.JobEntry;
import org.tidemark.appliance.persistence.TargetEntry;
import org.tidemark.appliance.service.BackupService;
import org.tidemark.appliance.service.DataPlane;
import org.tidemark.appliance.service.Host;
import org.tidemark.appliance.service.ImageFacts;
import org.tidemark.appliance.service.Points;
import org.tidemark.appliance.service.Repositories;
import org.tidemark.appliance.service.Retention;
import org.tidemark.backup.engine.BackupProgress;
import org.tidemark.backup.repository.BackupRepository;
import org.tidemark.backup.repository.log.PointCounters;
import org.tidemark.backup.repository.log.PointList;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.backup.target.RequestCounter;
import org.tidemark.ploop.chain.ImagePlace;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;

/** Takes a recovery point. */
@Singleton
public final class BackupWork implements JobWork {
    /** Member of a point's definition that names the job which made it: the appliance's id, '/', the job's. */
    public static final String MADE_BY = "madeBy";

    private final Containers containers;
    private final Repositories repositories;
    private final Points points;
    private final Retention retention;
    private final Host host;
    private final ApplianceIdentity identity;

    @Inject
    public BackupWork(
            Containers containers,
            Repositories repositories,
            Points points,
            Retention retention,
            Host host,
            ApplianceIdentity identity) {
        this.containers = containers;
        this.repositories = repositories;
        this.points = points;
        this.retention = retention;
        this.host = host;
        this.identity = identity;
    }

    @Override
    public List<JobEntry.Kind> kinds() {
        return List.of(JobEntry.Kind.BACKUP);
    }

    @Override
    public void run(RunningJob job) throws IOException {
        ContainerEntry container = containers.get(String.valueOf(job.entry().container()));
        TargetEntry target = repositories.choose(job.entry().target());
        IOException failure = null;
        try {
            run(job, container, target);
        } catch (IOException e) {
            failure = e;
            throw e;
        } finally {
            repositories.seen(target.name(), failure);
        }
    }

    private void run(RunningJob job, ContainerEntry container, TargetEntry target) throws IOException {
        Repositories.demandWritable(target);
        job.phase("asking target " + target.name());
        RequestCounter counter = new RequestCounter();
        BackupRepository repository = repositories.forJob(target, counter, job);
        PointList list = points.refresh(target, repository, container.name());
        String mark = identity.id() + "/" + job.entry().id();
        Optional<RecoveryPoint> earlier = list.points().stream()
                .filter(point -> mark.equals(point.definition().get(MADE_BY)))
                .findFirst();
        if (earlier.isPresent()) {
            job.log("point " + earlier.get().pointId() + " was committed before the appliance ended");
            job.result(result(earlier.get()));
            return;
        }
        job.phase("freezing for an instant");
        try (DataPlane plane = host.connect()) {
            BackupService.Wanted wanted =
                    new BackupService.Wanted(container, repository, Points.last(list), Map.of(MADE_BY, mark));
            BackupService.Outcome outcome =
                    new BackupService(host.scratchFolder()).backup(plane, wanted, progress(job, container, plane), job);
            RecoveryPoint point = outcome.result().point();
            points.add(target, point);
            outcome.notices().forEach(job::notice);
            Map<String, Object> result = result(point);
            result.put("freezeBegunNanos", outcome.freezeBegun());
            result.put("frozenNanos", outcome.frozenNanos());
            result.put("seconds", outcome.result().seconds());
            RequestCounts.put(result, counter);
            job.result(result);
            job.log("point " + point.pointId() + " committed");
        }
        retention.apply(target, container.name());
    }

    /** Images come one after the other and their ranges ascend, so how far one is handed out is how far it is. */
    private static BackupProgress progress(RunningJob job, ContainerEntry container, DataPlane plane)
            throws IOException {
        Map<String, Long> before = new LinkedHashMap<>();
        long total = 0;
        for (ContainerEntry.Image image : container.images()) {
            before.put(image.id(), total);
            total += sizeBytes(plane, ImagePlace.of(image.path()));
        }
        long wholeBytes = Math.max(1, total);
        return (imageId, offsetBytes, counters) -> job.progress(new JobProgress(
                "reading what changed",
                counters.bytesRead(),
                null,
                Math.min(1.0, (before.getOrDefault(imageId, 0L) + offsetBytes) / (double) wholeBytes),
                (before.size() > 1 ? "image " + imageId + ": " : "") + "read " + counters.bytesRead() / (1 << 20)
                        + " MiB, stored " + counters.bytesStored() / (1 << 20) + " MiB"));
    }

    /** Of an image on NFS it is known only when it is attached; it is for looks. */
    private static long sizeBytes(DataPlane plane, ImagePlace image) throws IOException {
        return image.path().isPresent()
                ? ImageFacts.of(image.path().get()).sizeBytes()
                : plane.find(image.toString()).map(AttachedDevice::sizeBytes).orElse(0L);
    }

    private static Map<String, Object> result(RecoveryPoint point) {
        PointCounters counters = point.counters();
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("pointId", point.pointId());
        result.put("sequence", point.sequence());
        result.put("instant", point.instant().toString());
        result.put("grade", point.grade().name());
        boolean full = point.images().stream().anyMatch(image -> !image.incremental());
        result.put("mode", full ? "FULL" : "INCREMENTAL");
        point.images().stream()
                .flatMap(image -> image.fullReason().stream())
                .findFirst()
                .ifPresent(reason -> result.put("fullReason", reason));
        result.put("freezeMillis", point.freezeMillis());
        result.put("chunksRead", counters.chunksRead());
        result.put("chunksChanged", counters.chunksChanged());
        result.put("chunksShipped", counters.chunksShipped());
        result.put("bytesRead", counters.bytesRead());
        result.put("bytesChanged", counters.chunksChanged() * (64L << 10));
        result.put("bytesShipped", counters.bytesShipped());
        result.put("bytesStored", counters.bytesStored());
        result.put("objects", counters.packs() + 1);
        return result;
    }
}
