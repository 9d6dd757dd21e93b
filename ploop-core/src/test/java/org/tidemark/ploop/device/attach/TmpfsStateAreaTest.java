package org.tidemark.ploop.device.attach;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tidemark.ploop.io.AlignedBuffer;

class TmpfsStateAreaTest {
    @TempDir
    private Path temp;

    @Test
    void aSuccessorFindsWhatWasStored() throws IOException {
        Path folder = temp.resolve("state");
        TmpfsStateArea first = TmpfsStateArea.create(folder);
        assertThat(first.resumed()).isFalse();
        AlignedBuffer region = first.region("map", 8192);
        assertThat(region.isZero(0, 8192)).isTrue();
        assertThat(region.address(0) % 4096).isZero();
        region.putLong(4096, 42);
        assertThat(first.region("map", 8192)).isSameAs(region);

        TmpfsStateArea second = TmpfsStateArea.resume(folder);
        assertThat(second.resumed()).isTrue();
        assertThat(second.region("map", 8192).getLong(4096)).isEqualTo(42);
    }

    @Test
    void anotherSizeIsAnError() throws IOException {
        TmpfsStateArea area = TmpfsStateArea.create(temp.resolve("state"));
        area.region("map", 8192);
        assertThatThrownBy(() -> area.region("map", 4096)).hasMessageContaining("8192");
        TmpfsStateArea successor = TmpfsStateArea.resume(temp.resolve("state"));
        assertThatThrownBy(() -> successor.region("map", 4096)).hasMessageContaining("8192");
    }

    @Test
    void aHalfMadeRegionIsMadeAgain() throws IOException {
        TmpfsStateArea area = TmpfsStateArea.create(temp.resolve("state"));
        Files.write(temp.resolve("state/map.new"), new byte[100]);
        assertThat(area.region("map", 4096).isZero(0, 4096)).isTrue();
    }

    @Test
    void dropAndRemoveLeaveNothing() throws IOException {
        TmpfsStateArea area = TmpfsStateArea.create(temp.resolve("state"));
        area.region("one", 4096).putInt(0, 7);
        area.drop("one");
        assertThat(area.region("one", 4096).getInt(0)).isZero();
        area.region("two", 4096);
        area.remove();
        assertThat(temp).isEmptyDirectory();
        assertThatThrownBy(() -> TmpfsStateArea.resume(temp.resolve("state"))).isInstanceOf(IOException.class);
    }

    @Test
    void namesCannotLeaveTheFolder() throws IOException {
        TmpfsStateArea area = TmpfsStateArea.create(temp.resolve("state"));
        assertThatThrownBy(() -> area.region("../evil", 4096)).isInstanceOf(IllegalArgumentException.class);
    }
}
