package org.tidemark.appliance.cli;

import org.tidemark.ploop.chain.ChainProgress;

/** How far a long change of snapshots is; the first ^C calls it off, the second leaves it to itself. */
final class ChangeProgress implements ChainProgress, AutoCloseable {
    private final ProgressBar bar;
    private final Interrupts interrupts;
    private volatile boolean cancelled;

    ChangeProgress(String what, boolean wanted) {
        this.bar = new ProgressBar(what, wanted);
        this.interrupts = new Interrupts(() -> cancelled = true);
    }

    @Override
    public void done(long clusters, long totalClusters) {
        bar.at(clusters, totalClusters, "");
    }

    @Override
    public boolean cancelled() {
        return cancelled;
    }

    @Override
    public void close() {
        interrupts.close();
        bar.close();
    }
}
