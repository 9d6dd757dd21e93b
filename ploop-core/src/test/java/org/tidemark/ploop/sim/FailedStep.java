package org.tidemark.ploop.sim;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.EnumSet;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.os.OsException;
import org.tidemark.ploop.sim.FaultPlan.Attempt;
import org.tidemark.ploop.sim.FaultPlan.Kind;

/**
 * One certain request of a program that its disk fails: the n-th that changes something or makes it durable. The next one
 * gets through. For tests that go through all of a program's requests, one life each, until it has no more.
 */
public final class FailedStep {
    private static final Set<Kind> CHANGES = EnumSet.of(
            Kind.WRITE, Kind.FLUSH, Kind.TRUNCATE, Kind.PUNCH, Kind.CREATE, Kind.RENAME, Kind.DELETE, Kind.SYNC);

    private final SimulatedDisk disk;
    private final int errno;
    private int left;
    private @Nullable Attempt failed;

    private FailedStep(SimulatedDisk disk, int nth, int errno) {
        this.disk = disk;
        this.errno = errno;
        this.left = nth;
    }

    /** From now on; every other flush that fails loses all it should have written, the others lose some of it. */
    public static FailedStep arm(SimulatedDisk disk, int nth, int errno) {
        FailedStep step = new FailedStep(disk, nth, errno);
        disk.whenFlushesFail(nth % 2 == 0 ? CrashPlan.dropAll() : CrashPlan.random(new Random(nth)));
        disk.faults().failNth(1, step::isNext, errno);
        return step;
    }

    private boolean isNext(Attempt attempt) {
        if (!CHANGES.contains(attempt.kind()) || --left > 0) {
            return false;
        }
        failed = attempt;
        return true;
    }

    /** Whether the program had so many requests. Nothing fails any more. */
    public boolean happened() {
        disk.faults().clear();
        CrashCount.one();
        return failed != null;
    }

    /** A request that, failed, leaves what is on the disk as it was, and at most loses space. */
    public boolean concernsOnlySpace() {
        Attempt one = failed;
        return one != null && (one.kind() == Kind.PUNCH || one.kind() == Kind.TRUNCATE);
    }

    /** A request that, failed, only makes the tracker of changes doubt what it knows; or one that makes names durable. */
    public boolean mayConcernTheTracker() {
        Attempt one = failed;
        return one != null && (one.name().contains("tidemark-cbt") || one.kind() == Kind.SYNC);
    }

    /** What the program said has a type, and names file and reason. */
    public void requireTold(IOException said) {
        assertThat(said).as(toString()).isInstanceOfAny(OsException.class, ImageException.class);
        if (said instanceof OsException os) {
            assertThat(os.errno()).isEqualTo(errno);
        }
        assertThat(said.getMessage()).as(toString()).isNotBlank();
    }

    @Override
    public String toString() {
        return "errno " + errno + " of " + failed;
    }
}
