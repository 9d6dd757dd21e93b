package org.tidemark.appliance.service.job;

import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.persistence.JobEntry;
import org.tidemark.appliance.persistence.TargetEntry;
import org.tidemark.appliance.service.Points;
import org.tidemark.appliance.service.Repositories;
import org.tidemark.appliance.service.RestoreService;
import org.tidemark.backup.engine.NewImage;
import org.tidemark.backup.engine.RestoreResult;
import org.tidemark.backup.repository.BackupRepository;
import org.tidemark.backup.repository.log.PointSelector;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.backup.target.RequestCounter;

/**
 * Makes a new image from a recovery point. Before the image gets its name, its key is written down with the job: so an
 * attempt after the appliance's death knows whether the image of that name is its own work, complete, or someone else's.
 */
@Singleton
public final class RestoreWork implements JobWork {
    private static final String KEY = "imageKey";

    private final Repositories repositories;
    private final Points points;

    @Inject
    public RestoreWork(Repositories repositories, Points points) {
        this.repositories = repositories;
        this.points = points;
    }

    @Override
    public List<JobEntry.Kind> kinds() {
        return List.of(JobEntry.Kind.RESTORE);
    }

    @Override
    public void run(RunningJob job) throws IOException {
        Map<String, Object> request = job.entry().request();
        Path destination = Path.of(String.valueOf(request.get("destination")));
        Map<String, Object> memo = job.memo();
        if (!memo.isEmpty()) {
            if (isOwnWork(destination, memo)) {
                job.log("the image was complete when the appliance ended: " + destination);
                Map<String, Object> result = new LinkedHashMap<>(memo);
                result.remove(KEY);
                job.result(result);
                return;
            }
            // Forgotten before its partial image goes: the next file may get the same key.
            job.memo(Map.of());
        }
        TargetEntry target = repositories.choose(job.entry().target());
        job.phase("asking target " + target.name());
        RequestCounter counter = new RequestCounter();
        BackupRepository repository = repositories.forJob(target, counter, job);
        RecoveryPoint point = PointSelector.select(
                points.refresh(target, repository, String.valueOf(job.entry().container())),
                String.valueOf(request.get("point")));
        job.phase("restoring point " + point.pointId() + " to " + destination);
        long startNanos = System.nanoTime();
        RestoreResult done = RestoreService.restore(
                repository,
                new RestoreService.Wanted(point, text(request, "image"), destination, text(request, "format")),
                (offset, size, written) -> job.progress(new JobProgress(
                        "restoring",
                        offset,
                        size,
                        size == 0 ? 0.0 : (double) offset / size,
                        "written " + written / (1 << 20) + " MiB of " + size / (1 << 20) + " MiB")),
                (key, size, written) -> {
                    Map<String, Object> complete = result(point, destination, size, written, startNanos);
                    complete.put(KEY, key);
                    job.memo(complete);
                },
                job);
        Map<String, Object> result = result(point, destination, done.sizeBytes(), done.bytesWritten(), startNanos);
        RequestCounts.put(result, counter);
        job.result(result);
        job.log("restored to " + destination);
    }

    private static boolean isOwnWork(Path destination, Map<String, Object> memo) throws IOException {
        return Files.exists(destination, LinkOption.NOFOLLOW_LINKS)
                && NewImage.keyOf(destination).equals(memo.get(KEY));
    }

    private static Map<String, Object> result(
            RecoveryPoint point, Path destination, long sizeBytes, long writtenBytes, long startNanos) {
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("pointId", point.pointId());
        result.put("destination", destination.toString());
        result.put("sizeBytes", sizeBytes);
        result.put("writtenBytes", writtenBytes);
        result.put("seconds", (System.nanoTime() - startNanos) / 1e9);
        return result;
    }

    private static @Nullable String text(Map<String, Object> request, String name) {
        Object value = request.get(name);
        return value == null ? null : value.toString();
    }
}
