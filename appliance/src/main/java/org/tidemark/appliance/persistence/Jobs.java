package org.tidemark.appliance.persistence;

import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;

/** The jobs and their logs. */
@Singleton
public final class Jobs {
    private static final int MAX_LINE = 4_000;

    private final Jdbi jdbi;

    @Inject
    public Jobs(Jdbi jdbi) {
        this.jdbi = jdbi;
    }

    /** A line of a job's log. */
    public record LogLine(Instant at, String level, String text) {}

    /** Which jobs; null means any. */
    public record Filter(
            JobEntry.@Nullable State state,
            JobEntry.@Nullable Kind kind,
            @Nullable String container) {
        public static final Filter ANY = new Filter(null, null, null);
    }

    /** What became of jobs since a moment. */
    public record Tally(long succeeded, long failed) {}

    public JobEntry add(NewJob job, Instant now) throws ApplianceException {
        return get(jdbi.withHandle(handle -> insert(handle, job, now)));
    }

    /** Queues the job of a policy's slot and notes that the slot ran: both, or neither. */
    public JobEntry addOfSlot(NewJob job, Instant slot, Instant now) throws ApplianceException {
        return get(jdbi.inTransaction(handle -> {
            Policies.ran(handle, String.valueOf(job.policy()), String.valueOf(job.container()), slot, now);
            return insert(handle, job, now);
        }));
    }

    private static long insert(Handle handle, NewJob job, Instant now) {
        return handle.createUpdate("""
                        insert into job (kind, container, target, policy, cause, state, attempt, created_at, created_by,
                            request_json, notices_json)
                        values (:kind, :container, :target, :policy, :cause, 'QUEUED', 1, :at, :by, :request, '[]')
                        """)
                .bind("kind", job.kind().name())
                .bind("container", job.container())
                .bind("target", job.target())
                .bind("policy", job.policy())
                .bind("cause", job.cause().name())
                .bind("at", now.toEpochMilli())
                .bind("by", job.createdBy())
                .bind("request", Columns.json(job.request()))
                .executeAndReturnGeneratedKeys("id")
                .mapTo(Long.class)
                .one();
    }

    public Optional<JobEntry> find(long id) {
        return jdbi.withHandle(handle -> handle.createQuery("select * from job where id = :id")
                .bind("id", id)
                .map((row, context) -> entry(row))
                .findOne());
    }

    public JobEntry get(long id) throws ApplianceException {
        return find(id).orElseThrow(() -> ApplianceException.notFound("there is no job " + id));
    }

    /** Newest first. {@code before} is an id, or Long.MAX_VALUE. */
    public List<JobEntry> list(Filter filter, long before, int limit) {
        return jdbi.withHandle(handle -> handle.createQuery("""
                        select * from job where id < :before
                            and (cast(:state as varchar) is null or state = :state)
                            and (cast(:kind as varchar) is null or kind = :kind)
                            and (cast(:container as varchar) is null or container = :container)
                        order by id desc limit :limit
                        """)
                .bind("before", before)
                .bind("state", filter.state() == null ? null : filter.state().name())
                .bind("kind", filter.kind() == null ? null : filter.kind().name())
                .bind("container", filter.container())
                .bind("limit", limit)
                .map((row, context) -> entry(row))
                .list());
    }

    /** Queued and running ones, oldest first. */
    public List<JobEntry> open() {
        return jdbi.withHandle(
                handle -> handle.createQuery("select * from job where state in ('QUEUED', 'RUNNING') order by id")
                        .map((row, context) -> entry(row))
                        .list());
    }

    /** Whether one of this kind is queued or running for a container. */
    public boolean hasOpen(JobEntry.Kind kind, String container) {
        return open().stream().anyMatch(job -> job.kind() == kind && container.equals(job.container()));
    }

    /** The newest finished job of each container, of a kind. */
    public List<JobEntry> lastFinishedOfEach(JobEntry.Kind kind) {
        return jdbi.withHandle(handle -> handle.createQuery("""
                        select * from job where id in (select max(id) from job where kind = :kind
                            and state in ('SUCCEEDED', 'FAILED', 'CANCELLED') and container is not null group by container)
                        """)
                .bind("kind", kind.name())
                .map((row, context) -> entry(row))
                .list());
    }

    /** Those that succeeded since then, for sums. */
    public List<JobEntry> succeededSince(JobEntry.Kind kind, Instant since) {
        return jdbi.withHandle(handle -> handle.createQuery(
                        "select * from job where kind = :kind and state = 'SUCCEEDED' and finished_at >= :since")
                .bind("kind", kind.name())
                .bind("since", since.toEpochMilli())
                .map((row, context) -> entry(row))
                .list());
    }

    public Tally tally(Instant since) {
        return jdbi.withHandle(handle -> handle.createQuery("""
                        select coalesce(sum(case when state = 'SUCCEEDED' then 1 else 0 end), 0) as good,
                            coalesce(sum(case when state = 'FAILED' then 1 else 0 end), 0) as bad
                        from job where finished_at >= :since
                        """)
                .bind("since", since.toEpochMilli())
                .map((row, context) -> new Tally(row.getLong("good"), row.getLong("bad")))
                .one());
    }

    /** Takes a queued job; false when it is not queued any more. */
    public boolean start(long id, Instant now) {
        return jdbi.withHandle(handle -> handle.createUpdate(
                                "update job set state = 'RUNNING', started_at = :now where id = :id and state = 'QUEUED'")
                        .bind("id", id)
                        .bind("now", now.toEpochMilli())
                        .execute())
                == 1;
    }

    /** Puts a job that did not end back into the queue, as another attempt when its time was lost. */
    public void requeue(long id, boolean anotherAttempt) {
        jdbi.useHandle(handle -> handle.createUpdate("""
                        update job set state = 'QUEUED', started_at = null, attempt = attempt + :more
                        where id = :id and state = 'RUNNING'
                        """)
                .bind("id", id)
                .bind("more", anotherAttempt ? 1 : 0)
                .execute());
    }

    /** Writes down what a job has to know when it runs again; durable on return. Empty forgets. */
    public void memo(long id, Map<String, Object> memo) {
        jdbi.useHandle(handle -> handle.createUpdate("update job set memo_json = :memo where id = :id")
                .bind("id", id)
                .bind("memo", memo.isEmpty() ? null : Columns.json(memo))
                .execute());
    }

    /** What an earlier attempt of the job wrote down; empty when it wrote nothing. */
    public Map<String, Object> memo(long id) {
        return jdbi.withHandle(handle -> handle.createQuery("select memo_json from job where id = :id")
                .bind("id", id)
                .map((row, context) -> {
                    String memo = row.getString("memo_json");
                    return memo == null ? Map.<String, Object>of() : Columns.map(memo);
                })
                .findOne()
                .orElse(Map.of()));
    }

    /** How a job ended. */
    public record End(
            JobEntry.State state,
            @Nullable Map<String, Object> result,
            @Nullable Map<String, Object> error,
            List<String> notices) {}

    /** Ends a job that has not ended; false when it had. */
    public boolean finish(long id, End end, Instant now) {
        return jdbi.withHandle(handle -> handle.createUpdate("""
                                update job set state = :state, finished_at = :now, result_json = :result,
                                    error_json = :error, notices_json = :notices
                                where id = :id and state in ('QUEUED', 'RUNNING')
                                """)
                        .bind("id", id)
                        .bind("state", end.state().name())
                        .bind("now", now.toEpochMilli())
                        .bind("result", end.result() == null ? null : Columns.json(end.result()))
                        .bind("error", end.error() == null ? null : Columns.json(end.error()))
                        .bind("notices", Columns.json(end.notices()))
                        .execute())
                == 1;
    }

    public void log(long id, LogLine line) {
        jdbi.useHandle(handle -> handle.createUpdate("""
                        insert into job_log (job_id, line, at, level, content)
                        values (:id, (select coalesce(max(line), 0) + 1 from job_log where job_id = :id), :at, :level, :text)
                        """)
                .bind("id", id)
                .bind("at", line.at().toEpochMilli())
                .bind("level", line.level())
                .bind(
                        "text",
                        line.text().substring(0, Math.min(MAX_LINE, line.text().length())))
                .execute());
    }

    public List<LogLine> logOf(long id) {
        return jdbi.withHandle(handle -> handle.createQuery("select * from job_log where job_id = :id order by line")
                .bind("id", id)
                .map((row, context) ->
                        new LogLine(Columns.time(row, "at"), row.getString("level"), row.getString("content")))
                .list());
    }

    /** Removes ended jobs that are older; returns how many. */
    public int removeEndedBefore(Instant time) {
        return jdbi.withHandle(handle -> handle.createUpdate("delete from job where finished_at < :time")
                .bind("time", time.toEpochMilli())
                .execute());
    }

    private static JobEntry entry(ResultSet row) throws SQLException {
        String result = row.getString("result_json");
        String error = row.getString("error_json");
        return new JobEntry(
                row.getLong("id"),
                JobEntry.Kind.valueOf(row.getString("kind")),
                row.getString("container"),
                row.getString("target"),
                row.getString("policy"),
                JobEntry.Cause.valueOf(row.getString("cause")),
                JobEntry.State.valueOf(row.getString("state")),
                row.getInt("attempt"),
                Columns.time(row, "created_at"),
                Columns.timeOrNull(row, "started_at"),
                Columns.timeOrNull(row, "finished_at"),
                row.getString("created_by"),
                Columns.map(row.getString("request_json")),
                result == null ? null : Columns.map(result),
                error == null ? null : Columns.map(error),
                Columns.texts(row.getString("notices_json")));
    }
}
