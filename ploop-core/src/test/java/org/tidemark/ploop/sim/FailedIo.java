package org.tidemark.ploop.sim;

import java.io.IOException;
import java.util.EnumSet;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.sim.FaultPlan.Attempt;
import org.tidemark.ploop.sim.FaultPlan.Kind;

/**
 * Runs a command on a folder whose disk fails one of its requests, each as likely as any other, every other time one of its
 * flushes. Nobody may be told then that the command is done.
 *
 * <p>A flush that fails loses what it should have written, in any part. It is not lost for readers before somebody opens the
 * file anew, and the next flush succeeds: the rule of Linux, so a program that flushes again and believes it is caught.
 */
public final class FailedIo {
    private static final Set<Kind> FLUSHES = EnumSet.of(Kind.FLUSH);
    private static final Set<Kind> CHANGES = EnumSet.of(
            Kind.WRITE, Kind.FLUSH, Kind.TRUNCATE, Kind.PUNCH, Kind.CREATE, Kind.RENAME, Kind.DELETE, Kind.SYNC);

    /** Where these fail at worst space is lost, so a command may be done; nothing on the disk may differ. */
    private static final Set<Kind> ONLY_SPACE = EnumSet.of(Kind.PUNCH, Kind.TRUNCATE);

    private FailedIo() {}

    /** Whether the command came to its end, which it may only when nothing failed. */
    public static boolean run(
            SimulatedDisk disk, Random random, UnaryOperator<ImageDirectory> program, CutShort.Command command)
            throws IOException {
        return run(disk, random, program, command, ONLY_SPACE);
    }

    /**
     * The same of a program that may be done although one of some kinds of requests failed.
     *
     * @param excused for instance a sync of a folder, which is asked for again
     */
    public static boolean run(
            SimulatedDisk disk,
            Random random,
            UnaryOperator<ImageDirectory> program,
            CutShort.Command command,
            Set<Kind> excused)
            throws IOException {
        Set<Kind> kinds = random.nextBoolean() ? FLUSHES : CHANGES;
        Predicate<Attempt> failing = attempt -> kinds.contains(attempt.kind());
        AtomicInteger counted = new AtomicInteger();
        SimulatedDisk twin = disk.twin();
        twin.faults()
                .failAlways(
                        attempt -> {
                            counted.addAndGet(failing.test(attempt) ? 1 : 0);
                            return false;
                        },
                        Errno.EIO);
        command.on(twin);
        disk.whenFlushesFail(random.nextInt(3) == 0 ? CrashPlan.dropAll() : CrashPlan.random(random));
        AtomicReference<Attempt> last = new AtomicReference<>();
        disk.faults()
                .failNth(
                        1 + random.nextInt(counted.get() + 1),
                        attempt -> {
                            last.set(failing.test(attempt) ? attempt : last.get());
                            return failing.test(attempt);
                        },
                        Errno.EIO);
        boolean done = false;
        try {
            command.on(program.apply(disk));
            done = true;
        } catch (IOException e) {
            if (disk.faults().pending()) {
                throw e;
            }
        }
        boolean failed = !disk.faults().pending();
        disk.faults().clear();
        CrashCount.one();
        if (done && failed && !excused.contains(last.get().kind())) {
            throw new AssertionError("the disk failed " + last.get() + ", and the command says that it is done");
        }
        return done;
    }
}
