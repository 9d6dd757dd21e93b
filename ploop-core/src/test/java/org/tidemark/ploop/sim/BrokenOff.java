package org.tidemark.ploop.sim;

import java.io.IOException;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.tidemark.ploop.io.ImageDirectory;

/** How a command that changes files comes to an end too early, and on what machine whoever comes next goes on. */
public enum BrokenOff {
    /** The power goes at one of its changes. */
    BY_POWER_CUT {
        @Override
        public SimulatedDisk next(SimulatedDisk disk, Random random) {
            return disk.crash(random.nextInt(4) == 0 ? CrashPlan.dropAll() : CrashPlan.random(random));
        }
    },
    /** The process is killed at one of its changes; the machine goes on, nothing was flushed. */
    BY_KILL {
        @Override
        public SimulatedDisk next(SimulatedDisk disk, Random random) {
            disk.killAll();
            return disk;
        }
    },
    /** The disk fails one of its requests; the machine goes on, or its power goes a little later. */
    BY_FAILED_IO {
        @Override
        public boolean run(
                SimulatedDisk disk, Random random, UnaryOperator<ImageDirectory> program, CutShort.Command command)
                throws IOException {
            return FailedIo.run(disk, random, program, command);
        }

        @Override
        public SimulatedDisk next(SimulatedDisk disk, Random random) {
            return random.nextInt(3) == 0 ? disk.crash(random) : disk;
        }
    };

    /** Whether the command came to its end. */
    public boolean run(
            SimulatedDisk disk, Random random, UnaryOperator<ImageDirectory> program, CutShort.Command command)
            throws IOException {
        return CutShort.run(disk, random, program, command);
    }

    /** The machine of whoever comes next. */
    public abstract SimulatedDisk next(SimulatedDisk disk, Random random);
}
