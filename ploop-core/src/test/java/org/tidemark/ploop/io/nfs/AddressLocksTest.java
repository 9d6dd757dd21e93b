package org.tidemark.ploop.io.nfs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;
import org.tidemark.ploop.testing.Leftovers;

/** An image that is in use by its address is refused to whoever comes by a path. */
class AddressLocksTest {
    private Path folder;
    private FileId id;

    @BeforeEach
    void create() throws IOException {
        folder = Leftovers.freshFolder("address-locks-");
        Files.createFile(folder.resolve("image"));
        id = new FileId(4711, (Long) Files.getAttribute(folder.resolve("image"), "unix:ino"));
    }

    @AfterEach
    void clear() throws IOException {
        Leftovers.clear("address-locks-");
    }

    private void record(String name, boolean held, OwnerProcess process) throws IOException {
        ByteBuffer content = new LockRecord(held, process, 60, "image", 0, 1).encoded();
        try (FileChannel file =
                FileChannel.open(folder.resolve(name), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            file.write(content);
        }
    }

    private void owner(long number, boolean held, OwnerProcess process) throws IOException {
        record(Path.of(LockRecords.ownerPath("/", id, number)).getFileName().toString(), held, process);
    }

    private void isFree() throws IOException {
        new VfsImageDirectory(folder).lock("image", true).close();
    }

    private void isInUse() {
        assertThatExceptionOfType(ImageException.class)
                .isThrownBy(() -> new VfsImageDirectory(folder).lock("image", true))
                .withMessageContaining("by its address")
                .satisfies(e -> assertThat(e.kind()).isEqualTo(ImageException.Kind.IN_USE));
    }

    @Test
    void onlyTheHighestOwnerCounts() throws IOException {
        OwnerProcess there = new OwnerProcess("elsewhere", "boot", "pid:[1]", 1, 1);
        isFree();
        owner(9, true, there);
        isInUse();
        owner(0x10, false, there);
        isFree();
        owner(0x11, true, there);
        isInUse();
        OwnerProcess self = OwnerProcess.self();
        owner(0x12, true, self);
        isInUse();
        owner(0x13, true, new OwnerProcess(self.hostId(), self.bootId(), self.pidNamespace(), self.pid(), 1));
        isFree();
    }

    @Test
    void aReaderCountsAndAnotherFilesDoesNot() throws IOException {
        OwnerProcess there = new OwnerProcess("elsewhere", "boot", "pid:[1]", 1, 1);
        FileId other = new FileId(4711, id.fileId() + 1);
        record(".tidemark-nfs-reader-" + other.inFolder() + "-1", true, there);
        isFree();
        record(".tidemark-nfs-reader-" + id.inFolder() + "-1", true, there);
        isInUse();
        new VfsImageDirectory(folder).lock("image", false).close();
        Files.write(folder.resolve(".tidemark-nfs-reader-" + id.inFolder() + "-1"), new byte[] {1, 2, 3});
        isInUse();
        assertThat(folder.resolve("image")).exists();
    }
}
