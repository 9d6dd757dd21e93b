package org.tidemark.ploop.server;

import java.io.IOException;
import java.time.Duration;
import org.tidemark.ploop.filesystem.FreezeWatchdog;
import org.tidemark.ploop.os.NativeFile;

/** The freeze watchdog of this host: its holder. */
public final class HolderWatchdog implements FreezeWatchdog {
    private static final System.Logger LOG = System.getLogger(HolderWatchdog.class.getName());

    private final RunFolder run;

    public HolderWatchdog(RunFolder run) {
        this.run = run;
    }

    @Override
    public Watch arm(NativeFile folder, Duration limit) throws IOException {
        FreezeWatch watch = FreezeWatch.arm(run, folder, limit);
        return () -> {
            try {
                watch.callOff();
            } catch (IOException e) {
                LOG.log(
                        System.Logger.Level.WARNING,
                        "the holder went away during a freeze; it was thawed by its freezer",
                        e);
            }
        };
    }
}
