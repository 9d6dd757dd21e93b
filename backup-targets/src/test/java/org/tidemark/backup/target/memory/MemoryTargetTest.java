package org.tidemark.backup.target.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.tidemark.backup.target.AbstractBackupTargetContract;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.MeteredTarget;
import org.tidemark.backup.target.TargetException;

class MemoryTargetTest extends AbstractBackupTargetContract {
    @Override
    protected BackupTarget target() {
        return new MeteredTarget(new MemoryTarget());
    }

    private static List<ByteBuffer> bytes(int count) {
        return List.of(ByteBuffer.allocate(count));
    }

    @Test
    void faultsHappenAsPlanned() throws Exception {
        MemoryTarget target = new MemoryTarget();
        target.faults((verb, key, call) -> call == 1 ? MemoryFault.LOSE_ANSWER : MemoryFault.NONE);
        assertThatThrownBy(() -> target.putIfAbsent("a", bytes(4))).isInstanceOf(TargetException.class);
        assertThat(target.stat("a")).isEqualTo(4);
        target.faults((verb, key, call) -> MemoryFault.LOSE);
        target.putIfAbsent("b", bytes(4));
        target.faults((verb, key, call) -> call == 1 ? MemoryFault.DELAY : MemoryFault.NONE);
        target.putIfAbsent("c", bytes(4));
        List<String> seen = new ArrayList<>();
        target.list("", (key, sizeBytes) -> seen.add(key));
        assertThat(seen).containsExactly("a");
        assertThat(target.stat("c")).isEqualTo(4);
    }

    @Test
    void meteredCounts() throws Exception {
        MeteredTarget target = new MeteredTarget(new MemoryTarget());
        target.putIfAbsent("a", bytes(7));
        target.stat("a");
        target.list("", (key, sizeBytes) -> {});
        assertThat(target.count()).isEqualTo(new MeteredTarget.Count(1, 1, 1, 7, 0));
    }
}
