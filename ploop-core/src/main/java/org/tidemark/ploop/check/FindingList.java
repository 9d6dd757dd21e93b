package org.tidemark.ploop.check;

import java.util.ArrayList;
import java.util.List;

/** Findings, up to a number that people still read. The first damage is kept even when notes filled the list. */
final class FindingList {
    static final int MAX = 1000;

    private final List<Finding> findings = new ArrayList<>();
    private long omitted;

    void add(Finding finding) {
        if (findings.size() < MAX) {
            findings.add(finding);
            return;
        }
        omitted++;
        if (finding.severity() == Severity.DAMAGE
                && findings.stream().noneMatch(other -> other.severity() == Severity.DAMAGE)) {
            findings.set(MAX - 1, finding);
        }
    }

    CheckReport report(long allocatedClusters) {
        return new CheckReport(List.copyOf(findings), omitted, allocatedClusters);
    }
}
