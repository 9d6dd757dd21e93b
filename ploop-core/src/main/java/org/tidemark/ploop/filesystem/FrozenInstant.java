package org.tidemark.ploop.filesystem;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.FileSystemFreeze;
import org.tidemark.ploop.os.NativeFile;
import org.tidemark.ploop.os.OsException;
import org.tidemark.ploop.os.QuickGracePeriods;

/**
 * Runs something at an instant at which the file systems of a container are frozen, if they can be frozen in time.
 *
 * <p>For use by one thread. Nothing that runs inside may touch those file systems.
 */
public final class FrozenInstant {
    /** Pre-sync goes on until one takes less than this. */
    private static final long SHORT_SYNC_NANOS = 40_000_000L;

    private static final int MAX_SYNCS = 6;
    private static final System.Logger LOG = System.getLogger(FrozenInstant.class.getName());

    private final FreezeWatchdog watchdog;
    private final Duration limit;

    /**
     * @param watchdog thaws from outside when this process cannot
     * @param limit hard bound from the first FIFREEZE to the last thaw
     */
    public FrozenInstant(FreezeWatchdog watchdog, Duration limit) {
        this.watchdog = watchdog;
        this.limit = limit;
    }

    /** What happens at the instant. */
    @FunctionalInterface
    public interface Body<T> {
        T run() throws IOException;
    }

    /**
     * What came of it.
     *
     * @param grade FILESYSTEM if every file system was frozen from before the body until after it
     * @param begunNanoTime {@code System.nanoTime()} before the first FIFREEZE was entered
     * @param frozenNanos from entering the first FIFREEZE to the return of the last thaw; 0 when nothing was frozen
     * @param notice why the grade is not FILESYSTEM, empty otherwise
     */
    public record Outcome<T>(T value, ConsistencyGrade grade, long begunNanoTime, long frozenNanos, String notice) {}

    /** Freezes the file systems mounted at {@code mountPoints}, runs the body, thaws. Without mount points it just runs. */
    public <T> Outcome<T> run(List<Path> mountPoints, Body<T> body) throws IOException {
        if (mountPoints.isEmpty()) {
            long now = System.nanoTime();
            return new Outcome<>(
                    body.run(), ConsistencyGrade.CRASH, now, 0, "no mounted file system is known for this image");
        }
        List<NativeFile> folders = new ArrayList<>();
        try {
            for (Path mountPoint : mountPoints) {
                NativeFile folder = NativeFile.open(mountPoint, NativeFile.READ_ONLY | NativeFile.DIRECTORY, 0);
                folders.add(folder);
                syncUntilShort(folder);
            }
            return runFrozen(folders, body);
        } finally {
            for (NativeFile folder : folders) {
                folder.close();
            }
        }
    }

    private static void syncUntilShort(NativeFile folder) throws IOException {
        for (int i = 0; i < MAX_SYNCS; i++) {
            long begun = System.nanoTime();
            folder.syncfs();
            if (System.nanoTime() - begun < SHORT_SYNC_NANOS) {
                return;
            }
        }
    }

    private <T> Outcome<T> runFrozen(List<NativeFile> folders, Body<T> body) throws IOException {
        List<FreezeWatchdog.Watch> watches = new ArrayList<>();
        List<NativeFile> frozen = new ArrayList<>();
        String notice = "";
        try (QuickGracePeriods quick = QuickGracePeriods.begin()) {
            for (NativeFile folder : folders) {
                watches.add(watchdog.arm(folder, limit));
            }
            long begun = System.nanoTime();
            notice = freezeAll(folders, frozen, begun);
            T value;
            try {
                if (!notice.isEmpty()) {
                    thawAll(frozen);
                }
                value = body.run();
            } finally {
                int were = frozen.size();
                int thawed = thawAll(frozen);
                if (notice.isEmpty() && thawed < were) {
                    notice = "the watchdog thawed the file system before the instant was over";
                }
            }
            long nanos = System.nanoTime() - begun;
            boolean consistent = notice.isEmpty();
            return new Outcome<>(
                    value, consistent ? ConsistencyGrade.FILESYSTEM : ConsistencyGrade.CRASH, begun, nanos, notice);
        } finally {
            thawAll(frozen);
            for (FreezeWatchdog.Watch watch : watches) {
                watch.close();
            }
        }
    }

    /** Freezes one after the other; words instead when one could not be frozen in time. */
    private String freezeAll(List<NativeFile> folders, List<NativeFile> frozen, long begun) {
        for (NativeFile folder : folders) {
            try {
                FileSystemFreeze.freeze(folder);
                frozen.add(folder);
            } catch (OsException e) {
                return e.errno() == Errno.EBUSY
                        ? folder.name() + " is frozen by somebody else"
                        : folder.name() + " could not be frozen: " + e.getMessage();
            } catch (IOException e) {
                return folder.name() + " could not be frozen: " + e.getMessage();
            }
            if (System.nanoTime() - begun > limit.toNanos()) {
                return "freezing took longer than " + limit.toMillis() + " ms";
            }
        }
        return "";
    }

    /** Thaws what is frozen, last first; returns how many of them still were. */
    private static int thawAll(List<NativeFile> frozen) {
        int thawed = 0;
        while (!frozen.isEmpty()) {
            NativeFile folder = frozen.remove(frozen.size() - 1);
            try {
                if (FileSystemFreeze.thaw(folder)) {
                    thawed++;
                }
            } catch (IOException e) {
                LOG.log(System.Logger.Level.ERROR, "thawing " + folder.name() + " failed; its watchdog goes on", e);
            }
        }
        return thawed;
    }
}
