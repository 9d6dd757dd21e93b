package org.tidemark.ploop.device;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.device.cbt.ChangedBlockTracker;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageIo;

/** Makes and opens chains of expanded deltas named d0, d1, ... for tests. */
public final class Chains {
    private Chains() {}

    public static void create(ImageDirectory folder, String name, DeltaGeometry geometry) throws IOException {
        try (ImageIo io = folder.create(name)) {
            new ExpandedFormat().create(io, geometry);
        }
        folder.sync();
    }

    public static PloopDevice open(
            ImageDirectory folder, int levels, OpenIntent intent, StateArea area, @Nullable ChangedBlockTracker tracker)
            throws IOException {
        return open(folder, levels, intent, area, tracker, UnaryOperator.identity(), UnaryOperator.identity());
    }

    /** Opens a chain whose deltas are seen through decorators by the device. */
    static PloopDevice open(
            ImageDirectory folder,
            int levels,
            OpenIntent intent,
            StateArea area,
            @Nullable ChangedBlockTracker tracker,
            UnaryOperator<Delta> decorator,
            UnaryOperator<Delta> lower)
            throws IOException {
        ExpandedFormat format = new ExpandedFormat();
        List<Delta> deltas = new ArrayList<>();
        for (int level = 0; level < levels - 1; level++) {
            ImageIo io = folder.open("d" + level, ImageDirectory.OpenMode.READ_ONLY);
            deltas.add(lower.apply(format.open(io, OpenIntent.READ, 0, AllocationCursor.transientCursor())));
        }
        ImageIo io = folder.open("d" + (levels - 1), ImageDirectory.OpenMode.READ_WRITE);
        Delta top = format.open(io, intent, 0, PloopDevice.cursor(area));
        top = decorator.apply(top);
        if (intent != OpenIntent.READ) {
            top.markInUse();
        }
        deltas.add(top);
        return new PloopDevice("test", deltas, area, tracker, 4);
    }
}
