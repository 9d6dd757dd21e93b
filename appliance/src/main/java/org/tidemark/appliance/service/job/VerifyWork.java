package org.tidemark.appliance.service.job;

import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;
import org.tidemark.appliance.persistence.JobEntry;
import org.tidemark.appliance.persistence.TargetEntry;
import org.tidemark.appliance.service.Points;
import org.tidemark.appliance.service.Repositories;
import org.tidemark.appliance.service.Retention;
import org.tidemark.backup.repository.BackupRepository;
import org.tidemark.backup.repository.log.PointList;
import org.tidemark.backup.repository.log.PointSelector;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.backup.repository.verify.Damage;
import org.tidemark.backup.repository.verify.DeepVerify;
import org.tidemark.backup.repository.verify.VerifyReport;
import org.tidemark.backup.target.RequestCounter;

/** Reads everything that points name and compares it with its hashes. */
@Singleton
public final class VerifyWork implements JobWork {
    /** Member of a request: of each container the newest point alone. */
    public static final String NEWEST_ONLY = "newestOnly";

    private static final int MOST_NAMED = 20;

    private final Repositories repositories;
    private final Points points;
    private final Retention retention;

    @Inject
    public VerifyWork(Repositories repositories, Points points, Retention retention) {
        this.repositories = repositories;
        this.points = points;
        this.retention = retention;
    }

    @Override
    public List<JobEntry.Kind> kinds() {
        return List.of(JobEntry.Kind.VERIFY);
    }

    @Override
    public void run(RunningJob job) throws IOException {
        TargetEntry target = repositories.choose(job.entry().target());
        job.phase("asking target " + target.name());
        RequestCounter counter = new RequestCounter();
        BackupRepository repository = repositories.forJob(target, counter, job);
        DeepVerify verify = new DeepVerify(repository, job);
        String container = job.entry().container();
        Object point = job.entry().request().get("point");
        boolean newestOnly = Boolean.TRUE.equals(job.entry().request().get(NEWEST_ONLY));
        List<String> names = container == null ? repository.containers() : List.of(container);
        List<String> unreadable = new ArrayList<>();
        List<RecoveryPoint> chosen = new ArrayList<>();
        for (String name : names) {
            PointList list = points.refresh(target, repository, name);
            if (point != null) {
                chosen.add(PointSelector.select(list, point.toString()));
                continue;
            }
            if (newestOnly) {
                Points.last(list).ifPresent(chosen::add);
                continue;
            }
            chosen.addAll(list.points());
            list.unreadable()
                    .forEach(record -> unreadable.add("container " + name + ", record " + record.sequence() + ": "
                            + record.why().getMessage()));
        }
        if (newestOnly && chosen.isEmpty()) {
            throw ApplianceException.notFound("'" + target.name() + "' holds no point"
                    + (container == null ? "" : " of container '" + container + "'")
                    + "; there is nothing to test yet");
        }
        VerifyReport report = verify.report();
        for (int i = 0; i < chosen.size(); i++) {
            RecoveryPoint one = chosen.get(i);
            job.progress(new JobProgress(
                    "verifying",
                    report.chunksRead() * (64L << 10),
                    null,
                    (double) i / chosen.size(),
                    "point " + (i + 1) + " of " + chosen.size() + " (" + one.containerId() + " " + one.pointId()
                            + ")"));
            report = verify.point(one);
        }
        finish(job, target, report, chosen, unreadable, counter);
    }

    private void finish(
            RunningJob job,
            TargetEntry target,
            VerifyReport report,
            List<RecoveryPoint> chosen,
            List<String> unreadable,
            RequestCounter counter)
            throws IOException {
        List<String> damages = new ArrayList<>(unreadable);
        Set<String> damaged = new HashSet<>();
        for (Damage damage : report.damages()) {
            damages.add(damage.toString());
            damaged.add(damage.point());
        }
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("points", chosen.size());
        result.put("chunks", report.chunksRead());
        result.put("bytes", report.chunksRead() * (64L << 10));
        result.put("damages", damages.subList(0, Math.min(MOST_NAMED, damages.size())));
        RequestCounts.put(result, counter);
        job.result(result);
        for (RecoveryPoint point : chosen) {
            if (!damaged.contains(point.pointId())) {
                retention.noteVerified(target, point);
            }
        }
        if (!damages.isEmpty()) {
            throw new ApplianceException(
                    FailureKind.DAMAGED,
                    (damages.size() == 1 ? "damage was found: " : damages.size() + " damages were found, the first: ")
                            + damages.get(0));
        }
    }
}
