package org.tidemark.ploop.check;

import java.util.List;

/**
 * What a check found.
 *
 * @param findings at most {@link FindingList#MAX}
 * @param omitted how many more there were
 * @param allocatedClusters clusters that entries name, in all files together
 */
public record CheckReport(List<Finding> findings, long omitted, long allocatedClusters) {
    /** Whether nothing at all was found. */
    public boolean clean() {
        return findings.isEmpty();
    }

    /** Whether content is wrong or lost. */
    public boolean damaged() {
        return findings.stream().anyMatch(finding -> finding.severity() == Severity.DAMAGE);
    }
}
