package org.tidemark.ploop.handover;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.tidemark.ploop.handover.HandOverRecord.State;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.SimulatedDisk;
import org.tidemark.ploop.testing.Seeds;

class HandOverFileTest {
    private static final HandOverRecord OLD = new HandOverRecord(State.OWNER, new Attempt(3, 14));
    private static final HandOverRecord NEW = new HandOverRecord(State.LEAVING, new Attempt(4, 15));

    @Test
    void whatWasWrittenIsThereAfterACrash() throws Exception {
        for (long seed : Seeds.of(200).toArray()) {
            SimulatedDisk disk = new SimulatedDisk();
            new HandOverFile(disk, "record").write(OLD);
            new HandOverFile(disk, "record").write(NEW);
            assertThat(new HandOverFile(disk.crash(new Random(seed)), "record").read())
                    .isEqualTo(NEW);
        }
    }

    @Test
    void aCrashWhileItIsWrittenLeavesTheOldOrTheNewOne() throws Exception {
        Set<HandOverRecord> seen = new HashSet<>();
        for (long seed : Seeds.of(300).toArray()) {
            SimulatedDisk disk = new SimulatedDisk();
            new HandOverFile(disk, "record").write(OLD);
            Random random = new Random(seed);
            disk.faults().powerOffAt(disk.faults().operations() + 1 + random.nextInt(6));
            try {
                new HandOverFile(disk, "record").write(NEW);
            } catch (IOException e) {
                // One of its steps.
            }
            seen.add(new HandOverFile(disk.crash(random), "record").read());
        }
        assertThat(seen).containsExactlyInAnyOrder(OLD, NEW);
    }

    @Test
    void nothingIsOnlyWhatWasNeverWritten() throws Exception {
        SimulatedDisk disk = new SimulatedDisk();
        assertThat(new HandOverFile(disk, "record").read()).isEqualTo(HandOverRecord.NONE);
        try (ImageIo io = disk.create("record")) {
            io.write(0, AlignedBuffer.allocate(512), 0, 512);
        }
        assertThatThrownBy(() -> new HandOverFile(disk, "record").read())
                .isInstanceOfSatisfying(
                        ImageException.class, e -> assertThat(e.kind()).isEqualTo(ImageException.Kind.DAMAGED));
    }
}
