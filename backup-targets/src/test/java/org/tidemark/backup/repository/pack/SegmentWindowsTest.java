package org.tidemark.backup.repository.pack;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.List;
import org.junit.jupiter.api.Test;

class SegmentWindowsTest {
    private static final PackId A = new PackId(1, 1);
    private static final PackId B = new PackId(2, 1);

    private static SegmentRef at(PackId pack, int offset, int length) {
        return new SegmentRef(pack, offset, length);
    }

    @Test
    void neighboursShareAWindowAndStrangersDoNot() {
        List<SegmentRef> refs =
                List.of(at(B, 128, 50), at(A, 5000, 100), at(A, 128, 100), at(A, 128, 100), at(A, 900_000, 10));
        assertThat(SegmentWindows.plan(refs, 1 << 20)).containsExactly(new SegmentWindows.Window(A, 128, 5100));
    }

    @Test
    void noWindowIsLongerThanItMay() {
        List<SegmentRef> refs = List.of(at(A, 1000, 600), at(A, 1600, 600), at(A, 2200, 600), at(A, 2800, 600));
        assertThat(SegmentWindows.plan(refs, 1200))
                .containsExactly(new SegmentWindows.Window(A, 1000, 2200), new SegmentWindows.Window(A, 2200, 3400));
        assertThat(SegmentWindows.plan(refs, 1000)).isEmpty();
    }

    @Test
    void placesThatMakeNoSenseAreLeftToOthers() {
        List<SegmentRef> refs = List.of(
                at(A, -5, 100),
                at(A, 200, Integer.MAX_VALUE),
                at(A, Integer.MAX_VALUE, 5),
                at(A, 150, -1),
                at(A, 130, 9));
        assertThat(SegmentWindows.plan(refs, 1 << 20)).isEmpty();
    }

    @Test
    void whatIsThereIsFoundAndNothingElse() {
        try (SegmentWindows windows = new SegmentWindows(new ArenaPool(1000))) {
            ByteBuffer room = windows.room(600);
            assertThat(room).isNotNull();
            for (int i = 0; i < 500; i++) {
                room.put((byte) i);
            }
            windows.loaded(A, 1000, room);
            ByteBuffer found = windows.find(at(A, 1010, 20));
            assertThat(found).isNotNull();
            assertThat(found.get(0)).isEqualTo((byte) 10);
            assertThat(found.remaining()).isEqualTo(20);
            assertThat(windows.find(at(A, 999, 20))).isNull();
            assertThat(windows.find(at(A, 1490, 20))).isNull();
            assertThat(windows.find(at(B, 1010, 20))).isNull();
            assertThat(windows.room(501)).isNull();
            assertThat(windows.room(500)).isNotNull();
        }
    }
}
