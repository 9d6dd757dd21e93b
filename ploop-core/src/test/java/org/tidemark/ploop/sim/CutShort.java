package org.tidemark.ploop.sim;

import java.io.IOException;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.tidemark.ploop.io.ImageDirectory;

/**
 * Runs a command on a folder and ends its process at one of its changes, each as likely as any other; seldom it comes to its
 * end. Reads do not count, so that a command that reads much and changes little is hit where it matters.
 */
public final class CutShort {
    private static final long FOR_EVER = 1L << 40;

    private CutShort() {}

    /** What is run; twice, the first time on a copy of the disk, to count its changes. */
    @FunctionalInterface
    public interface Command {
        void on(ImageDirectory folder) throws IOException;
    }

    /** Whether the command came to its end. The caller crashes the disk then. */
    public static boolean run(SimulatedDisk disk, Random random, UnaryOperator<ImageDirectory> program, Command command)
            throws IOException {
        MortalDirectory counting = new MortalDirectory(disk.twin());
        counting.killAfter(FOR_EVER);
        command.on(counting);
        int changes = (int) (FOR_EVER - counting.left());
        MortalDirectory mortal = new MortalDirectory(disk);
        mortal.killAfter(random.nextInt(changes + 1));
        try {
            command.on(program.apply(mortal));
            return true;
        } catch (Killed e) {
            return false;
        }
    }
}
