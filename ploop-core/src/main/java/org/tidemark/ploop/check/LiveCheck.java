package org.tidemark.ploop.check;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.tidemark.ploop.chain.ChainFiles;

/**
 * Checks a chain while somebody writes to it. A table that is read while it changes may show a cluster at its old and at its
 * new place at once, or one that lies beyond a size that was asked for earlier. Such a thing does not last: only what several
 * looks find alike is told, and nothing that is in order for an image in use.
 */
public final class LiveCheck {
    private static final int LOOKS = 3;
    private static final long PAUSE_NANOS = 300_000_000;

    private LiveCheck() {}

    public static CheckReport run(ChainFiles files) throws IOException {
        CheckReport report = ChainCheck.run(files);
        List<Finding> lasting = new ArrayList<>(report.findings());
        lasting.removeIf(LiveCheck::isUsual);
        for (int look = 1; look < LOOKS && !lasting.isEmpty(); look++) {
            LockSupport.parkNanos(PAUSE_NANOS);
            report = ChainCheck.run(files);
            lasting.retainAll(report.findings());
        }
        return new CheckReport(List.copyOf(lasting), report.omitted(), report.allocatedClusters());
    }

    private static boolean isUsual(Finding finding) {
        return finding instanceof Finding.MarkedInUse
                || finding instanceof Finding.LeakedClusters
                || finding instanceof Finding.ShortTail
                || finding instanceof Finding.ShortCluster;
    }
}
