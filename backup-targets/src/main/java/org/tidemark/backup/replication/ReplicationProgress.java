package org.tidemark.backup.replication;

import java.io.IOException;
import org.tidemark.backup.repository.log.RecoveryPoint;

/** Hears how a run goes on. Called by the thread that runs it. */
public interface ReplicationProgress {
    /** There are so many bytes more to send than was known before; negative when it turned out to be fewer. */
    void planned(long moreBytes);

    /** A pack of so many bytes has arrived. */
    void sent(long bytes);

    /** A point is whole on the replica. */
    void arrived(RecoveryPoint point) throws IOException;

    /** Says nothing. */
    ReplicationProgress SILENT = new ReplicationProgress() {
        @Override
        public void planned(long moreBytes) {}

        @Override
        public void sent(long bytes) {}

        @Override
        public void arrived(RecoveryPoint point) {}
    };
}
