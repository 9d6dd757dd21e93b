package org.tidemark.appliance.service.replication;

import jakarta.inject.Singleton;
import java.io.InterruptedIOException;
import java.time.Instant;
import java.time.ZoneId;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BooleanSupplier;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;
import org.tidemark.appliance.persistence.ReplicaEntry;
import org.tidemark.backup.replication.LinkShare;
import org.tidemark.backup.target.LinkPace;
import org.tidemark.backup.target.Pauses;
import org.tidemark.scheduler.BandwidthPlan;

/** What each replica may use of its link now; all runs of a replica share that. Safe for many threads. */
@Singleton
public final class ReplicaLinks {
    private final Map<String, Link> links = new ConcurrentHashMap<>();

    /** One replica's. Its plan may change under a run. */
    private static final class Link {
        private volatile BandwidthPlan plan = BandwidthPlan.FREE;
        private final LinkShare share = new LinkShare(this::bytesPerSecond, Pauses.REAL);

        private long bytesPerSecond() {
            return plan.rateAt(Instant.now(), ZoneId.systemDefault());
        }
    }

    /** A plan in its one spelling; USAGE when it cannot be read. */
    public static BandwidthPlan plan(String words) throws ApplianceException {
        try {
            return BandwidthPlan.parse(words);
        } catch (IllegalArgumentException e) {
            throw new ApplianceException(FailureKind.USAGE, String.valueOf(e.getMessage()), e);
        }
    }

    private Link of(ReplicaEntry entry) throws ApplianceException {
        BandwidthPlan plan = plan(entry.bandwidth());
        Link link = links.computeIfAbsent(entry.target(), name -> new Link());
        link.plan = plan;
        return link;
    }

    /** The share of a replica as its plan is now. */
    public LinkShare share(ReplicaEntry entry) throws ApplianceException {
        return of(entry).share;
    }

    /** The pace of a run, which may be told to end while it waits. */
    static LinkPace pace(LinkShare share, BooleanSupplier cancelled) {
        return bytes -> {
            if (cancelled.getAsBoolean()) {
                throw new InterruptedIOException("cancelled while waiting for the link");
            }
            share.await(bytes);
        };
    }
}
