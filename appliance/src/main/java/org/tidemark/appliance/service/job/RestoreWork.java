package org.tidemark.appliance.service.job;

import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.persistence.JobEntry;
import org.tidemark.appliance.persistence.TargetEntry;
import org.tidemark.appliance.service.Points;
import org.tidemark.appliance.service.Repositories;
import org.tidemark.appliance.service.RestoreService;
import org.tidemark.backup.engine.RestoreResult;
import org.tidemark.backup.repository.BackupRepository;
import org.tidemark.backup.repository.log.PointSelector;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.backup.target.RequestCounter;

/** Makes a new image from a recovery point. */
@Singleton
public final class RestoreWork implements JobWork {
    private final Repositories repositories;
    private final Points points;

    @Inject
    public RestoreWork(Repositories repositories, Points points) {
        this.repositories = repositories;
        this.points = points;
    }

    @Override
    public JobEntry.Kind kind() {
        return JobEntry.Kind.RESTORE;
    }

    @Override
    public void run(RunningJob job) throws IOException {
        Map<String, Object> request = job.entry().request();
        TargetEntry target = repositories.choose(job.entry().target());
        job.phase("asking target " + target.name());
        RequestCounter counter = new RequestCounter();
        BackupRepository repository = repositories.forJob(target, counter, job);
        RecoveryPoint point = PointSelector.select(
                points.refresh(repository, String.valueOf(job.entry().container())),
                String.valueOf(request.get("point")));
        Path destination = Path.of(String.valueOf(request.get("destination")));
        job.phase("restoring point " + point.pointId() + " to " + destination);
        RestoreResult done = RestoreService.restore(
                repository,
                new RestoreService.Wanted(point, text(request, "image"), destination, text(request, "format")),
                (offset, size, written) -> job.progress(new JobProgress(
                        "restoring",
                        offset,
                        size,
                        size == 0 ? 0.0 : (double) offset / size,
                        "written " + written / (1 << 20) + " MiB of " + size / (1 << 20) + " MiB")),
                job);
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("pointId", point.pointId());
        result.put("destination", destination.toString());
        result.put("sizeBytes", done.sizeBytes());
        result.put("writtenBytes", done.bytesWritten());
        result.put("seconds", done.seconds());
        RequestCounts.put(result, counter);
        job.result(result);
        job.log("restored to " + destination);
    }

    private static @Nullable String text(Map<String, Object> request, String name) {
        Object value = request.get(name);
        return value == null ? null : value.toString();
    }
}
