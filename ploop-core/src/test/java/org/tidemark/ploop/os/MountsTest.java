package org.tidemark.ploop.os;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class MountsTest {
    private static final String TABLE = """
            22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
            30 22 0:26 / /run/tidemark rw,nosuid,nodev - tmpfs tidemark rw,mode=700
            31 30 0:60 / /run/tidemark/devices/d1/image rw,nosuid,nodev shared:7 master:2 - fuse tidemark rw,user_id=0
            32 22 7:3 / /mnt/with\\040blank\\134and\\040more rw - ext4 /dev/loop3 rw,discard
            33 22 0:61 /sub/folder /mnt/b rw - btrfs /dev/loop4 rw
            34 32 0:70 / /mnt/with\\040blank\\134and\\040more/inner ro - tmpfs none
            """;

    private final List<MountEntry> entries = MountEntry.parseAll(TABLE);

    @Test
    void everyFieldIsRead() {
        MountEntry image = entries.get(2);
        assertThat(image.mountId()).isEqualTo(31);
        assertThat(image.parentId()).isEqualTo(30);
        assertThat(image.device()).isEqualTo("0:60");
        assertThat(image.mountPoint()).isEqualTo(Path.of("/run/tidemark/devices/d1/image"));
        assertThat(image.options()).containsExactly("rw", "nosuid", "nodev");
        assertThat(image.type()).isEqualTo("fuse");
        assertThat(image.source()).isEqualTo("tidemark");
        assertThat(image.superOptions()).containsExactly("rw", "user_id=0");
        assertThat(entries.get(4).root()).isEqualTo("/sub/folder");
        assertThat(entries.get(5).superOptions()).isEmpty();
    }

    @Test
    void escapedNamesAreReadBack() {
        assertThat(entries.get(3).mountPoint()).isEqualTo(Path.of("/mnt/with blank\\and more"));
    }

    @Test
    void aPathLiesInTheInnermostMount() {
        assertThat(in("/mnt/with blank\\and more/file")).isEqualTo("7:3");
        assertThat(in("/mnt/with blank\\and more/inner/file")).isEqualTo("0:70");
        assertThat(in("/mnt/with blank")).isEqualTo("254:0");
        assertThat(in("/run/tidemark/devices/d1/image")).isEqualTo("0:60");
        assertThat(in("/")).isEqualTo("254:0");
    }

    private String in(String path) {
        return Mounts.containing(Path.of(path), entries).orElseThrow().device();
    }

    @Test
    void linesThatAreNotEntriesAreLeftOut() {
        assertThat(MountEntry.parseAll("\n1 2 3:4 / / rw\n")).isEmpty();
    }

    @Test
    void theRealTableCanBeRead() throws Exception {
        assertThat(Mounts.containing(Path.of("/proc/self")).orElseThrow().type())
                .isEqualTo("proc");
        assertThat(Mounts.isTmpfs(Path.of("/proc"))).isFalse();
    }
}
