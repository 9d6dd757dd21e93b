package org.tidemark.ploop.io.nfs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.ImageLock;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.KeptMemory;
import org.tidemark.ploop.os.nfs.SimulatedNfs;

/** What this package leaves beside the files of others. */
class NfsHiddenFilesTest {
    private final SimulatedNfs server = new SimulatedNfs(new Random(1), 0);
    private final AlignedBuffer buffer = AlignedBuffer.allocate(4096);
    private NfsImageDirectory folder;

    @BeforeEach
    void open() throws IOException {
        folder = SimulatedExport.open(server, KeptMemory.ofThisProcess(), new SimulatedTime(), 1);
    }

    private List<String> hidden() {
        return server.names().stream()
                .filter(name -> name.contains(NfsExport.OWN))
                .toList();
    }

    @Test
    void aNewFileLeavesNothing() throws IOException {
        folder.create("a").close();
        assertThatThrownBy(() -> folder.create("a")).isInstanceOf(FileAlreadyExistsException.class);
        assertThat(server.names()).containsExactly("/a");
    }

    @Test
    void aFileThatIsReplacedWhileItIsOpenLivesUntilItIsClosed() throws IOException {
        buffer.putLong(0, 4711);
        ImageIo old = folder.create("a");
        old.write(0, buffer, 0, 4096);
        folder.create("b").close();
        folder.rename("b", "a");
        assertThat(folder.list()).containsExactly("a");
        assertThat(hidden()).hasSize(1);
        old.flush();
        buffer.putLong(0, 0);
        old.read(0, buffer, 0, 4096);
        assertThat(buffer.getLong(0)).isEqualTo(4711);
        old.close();
        assertThat(server.names()).containsExactly("/a");
        try (ImageIo now = folder.open("a", OpenMode.READ_ONLY)) {
            assertThat(now.size()).isZero();
        }
    }

    @Test
    void lettingGoOfALockLeavesItsNumber() throws IOException {
        folder.create("a").close();
        for (int i = 0; i < 3; i++) {
            folder.lock("a", true).close();
            folder.lock("a", false).close();
        }
        assertThat(hidden()).singleElement().asString().contains("owner-").endsWith("0003");
        try (ImageLock lock = folder.lock("a", true)) {
            folder.rename("a", "b");
            assertThatThrownBy(() -> folder.lock("b", true)).hasMessageContaining("in use");
            assertThat(lock.convert(false)).isTrue();
            assertThat(hidden()).hasSize(2);
        }
        folder.delete("b");
        assertThat(server.names()).isEmpty();
    }

    /** What a process that is killed leaves goes with the next lock on its host, and nobody else's does. */
    @Test
    void theRestsOfTheDeadAreRemovedByTheirHost() throws IOException {
        SimulatedExport hosts = new SimulatedExport();
        OwnerProcess killed = hosts.process("a", 1);
        folder.create("other").close();
        for (OwnerProcess process : List.of(killed, hosts.process("a", 2), hosts.process("b", 1))) {
            NfsImageDirectory its = open(hosts, process);
            its.create("open").write(0, buffer, 0, 4096);
            its.delete("open");
        }
        assertThat(hidden()).hasSize(3);
        open(hosts, hosts.process("a", 3)).lock("other", true).close();
        assertThat(hidden()).as("all live").hasSize(4);
        hosts.dies(killed);
        NfsImageDirectory next = open(hosts, hosts.process("a", 4));
        next.lock("other", false).close();
        assertThat(hidden()).as("the other two, and a lock's number").hasSize(3);
        hosts.dies(hosts.process("a", 2));
        OwnerProcess restarted = new OwnerProcess("a", "another boot", "pid:[1]", 1, 1);
        open(hosts, restarted).lock("other", false).close();
        assertThat(hidden()).as("it may be a copy of that machine").hasSize(3);
        open(hosts, hosts.process("a", 5)).lock("other", false).close();
        assertThat(hidden()).as("that of the other host, and a lock's number").hasSize(2);
    }

    private NfsImageDirectory open(SimulatedExport hosts, OwnerProcess process) throws IOException {
        return NfsImageDirectory.open(
                "nfs://simulated/export",
                server::connect,
                "/",
                SimulatedExport.SETTINGS,
                KeptMemory.ofThisProcess(),
                new SimulatedTime(),
                new Random(process.pid() + process.hostId().hashCode()),
                hosts.seenBy(process));
    }

    @Test
    void aWriterBesideASecondOpenKeepsItsSize() throws IOException {
        ImageIo writer = folder.create("a");
        int[] seen = new int[1];
        server.aroundRequests(() -> {
            // Before and after each: attributes, open, attributes.
            if (++seen[0] == 6) {
                server.aroundRequests(() -> {});
                try {
                    writer.truncate(1 << 20);
                } catch (IOException e) {
                    throw new IllegalStateException(e);
                }
            }
        });
        try (ImageIo second = folder.open("a", OpenMode.READ_ONLY)) {
            assertThat(seen[0]).isEqualTo(6);
            assertThat(second.size()).isEqualTo(1 << 20);
        }
        assertThat(writer.size()).isEqualTo(1 << 20);
        writer.close();
    }

    @Test
    void aFolderWithNothingButRestsIsEmpty() throws IOException {
        ImageDirectory inner = folder.createFolder("inner");
        inner.create("a").close();
        inner.lock("a", true).close();
        assertThatThrownBy(() -> folder.deleteFolder("inner")).isInstanceOf(IOException.class);
        assertThat(hidden()).hasSize(1);
        inner.rename("a", "b");
        inner.delete("b");
        folder.deleteFolder("inner");
        assertThat(folder.exists("inner")).isFalse();
    }
}
