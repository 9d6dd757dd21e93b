import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.UUID;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.device.attach.TmpfsStateArea;
import org.tidemark.ploop.device.cbt.ChangedBlockTracker;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;

/**
 * What one mark of the change tracker costs, in nanoseconds: blocks that are marked already, and blocks that are not, both in open
 * regions. Run by tracker.sh: {@code java TrackerMark.java FOLDER ROUNDS}; the folder holds the tracker's file and its memory.
 */
public final class TrackerMark {
    private static final long DISK_BYTES = 4L << 30;
    private static final int BLOCK_BYTES = 4096;
    private static final int MARKS = 1 << 20;

    private TrackerMark() {}

    public static void main(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[0]);
        int rounds = Integer.parseInt(arguments[1]);
        StateArea area = TmpfsStateArea.create(folder.resolve("area"));
        try (ChangedBlockTracker tracker = ChangedBlockTracker.open(
                area,
                DISK_BYTES,
                new VfsImageDirectory(folder),
                "tracker.cbt",
                ChangedBlockTracker.ImageCondition.UNKNOWN,
                "identity",
                UUID::randomUUID)) {
            long[] offsets = new Random(20)
                    .longs(MARKS, 0, DISK_BYTES / BLOCK_BYTES)
                    .map(block -> block * BLOCK_BYTES)
                    .toArray();
            double[] again = new double[rounds];
            double[] fresh = new double[rounds];
            for (int round = -3; round < rounds; round++) {
                // A new generation: nothing is marked in it. The regions stay open.
                tracker.prepareBegin();
                var interval = tracker.begin("bench", null);
                double first = nanosOfOne(tracker, offsets);
                double second = nanosOfOne(tracker, offsets);
                tracker.commit("bench", interval.end());
                if (round >= 0) {
                    fresh[round] = first;
                    again[round] = second;
                }
            }
            System.out.printf("| a block that is marked already | **%.0f** (%.0f to %.0f) |%n", middle(again), again[0], again[rounds - 1]);
            System.out.printf("| a block that is not | **%.0f** (%.0f to %.0f) |%n", middle(fresh), fresh[0], fresh[rounds - 1]);
        }
        area.close();
    }

    private static double nanosOfOne(ChangedBlockTracker tracker, long[] offsets) throws Exception {
        long begun = System.nanoTime();
        for (long offset : offsets) {
            tracker.mark(offset, BLOCK_BYTES);
        }
        return (System.nanoTime() - begun) / (double) offsets.length;
    }

    /** Sorts, too. */
    private static double middle(double[] values) {
        Arrays.sort(values);
        return values[values.length / 2];
    }
}
