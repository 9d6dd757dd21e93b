package org.tidemark.ploop.proof;

import java.util.List;
import org.tidemark.ploop.chain.ChainIntentFuzzTest;
import org.tidemark.ploop.chain.DiskDescriptorFuzzTest;
import org.tidemark.ploop.check.UndoFileFuzzTest;
import org.tidemark.ploop.format.expanded.ExpandedFuzzTest;
import org.tidemark.ploop.format.qcow2.Qcow2FuzzTest;
import org.tidemark.ploop.partition.GuidPartitionTableFuzzTest;

/** Every kind of damaged input. */
public final class Fuzzers {
    public static final List<Harness> ALL = List.of(
            new Harness(
                    "expanded-bytes",
                    "header, BAT, format extension, bitmaps of v1 and v2; opened, checked, written to, repaired",
                    350,
                    ExpandedFuzzTest::input),
            new Harness(
                    "qcow2-bytes",
                    "header, L1, L2, refcounts, snapshots, bitmaps, compressed data; opened, checked, written to",
                    350,
                    Qcow2FuzzTest::input),
            new Harness("descriptor-bytes", "DiskDescriptor.xml of real tools", 100, DiskDescriptorFuzzTest::input),
            new Harness("partition-bytes", "GPT, most with right checksums", 120, GuidPartitionTableFuzzTest::input),
            new Harness("intent-bytes", "the file of a change under way", 70, ChainIntentFuzzTest::input),
            new Harness("undo-bytes", "the undo file of a repair", 10, UndoFileFuzzTest::input));

    private Fuzzers() {}
}
