package org.tidemark.backup.target;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.LongSupplier;

/** Tries whether a target can take backups: at set-up, and at each start. */
public final class TargetProbe {
    /** A target that has more to try than whether it is there. */
    public interface SelfProbing extends BackupTarget {
        /** Tries everything that backups need, and from then on works as the result says. Writes at most a few bytes. */
        ProbeReport probe();
    }

    /** Something to try. */
    @FunctionalInterface
    public interface Trial {
        /** Returns what was found. */
        String run() throws TargetException;
    }

    private final LongSupplier nanoTime;
    private final List<ProbeStep> steps = new ArrayList<>();

    public TargetProbe(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
    }

    /** Probes any target. Never throws for what a target does wrong. */
    public static ProbeReport of(BackupTarget target, LongSupplier nanoTime) {
        if (target instanceof SelfProbing self) {
            return self.probe();
        }
        TargetProbe probe = new TargetProbe(nanoTime);
        boolean usable = probe.step("reach and write", () -> {
                    target.validate();
                    return target.describe();
                })
                && probe.step("list", () -> {
                    target.listFolders("", name -> {});
                    return "the listing works";
                });
        return new ProbeReport(probe.steps(), usable, target.capabilities(), Optional.empty());
    }

    /** Runs one step and notes it. Returns whether it went well. */
    public boolean step(String name, Trial trial) {
        long start = nanoTime.getAsLong();
        boolean ok = true;
        String detail;
        try {
            detail = trial.run();
        } catch (TargetException e) {
            ok = false;
            detail = String.valueOf(e.getMessage());
        }
        note(name, ok, start, detail);
        return ok;
    }

    /** Notes a step that began at {@code startNanos}. */
    public void note(String name, boolean ok, long startNanos, String detail) {
        steps.add(new ProbeStep(name, ok, (nanoTime.getAsLong() - startNanos) / 1_000_000, detail));
    }

    public List<ProbeStep> steps() {
        return List.copyOf(steps);
    }
}
