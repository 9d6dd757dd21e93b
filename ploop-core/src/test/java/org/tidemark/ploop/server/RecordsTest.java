package org.tidemark.ploop.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tidemark.ploop.chain.ImagePlace;
import org.tidemark.ploop.device.attach.LoopWindow;
import org.tidemark.ploop.os.Processes;

/** What a successor reads. */
class RecordsTest {
    @TempDir
    private Path temp;

    @Test
    void anAttachmentIsReadAsItWasWritten() throws Exception {
        Fields options = Fields.of("threads", 8, "policy", "gold", "images", List.of("a", "b"));
        AttachRequest request = new AttachRequest("d.1", Path.of("/images/one \u00e4"), true, options);
        AttachmentRecord written = new AttachmentRecord(
                request, AttachmentRecord.Phase.DETACHING, new LoopWindow(1 << 20, 1 << 30), 5L << 40, 4096, false);
        written.write(temp);
        assertThat(AttachmentRecord.read(temp)).contains(written);
        AttachmentRecord.remove(temp);
        assertThat(AttachmentRecord.read(temp)).isEmpty();
    }

    @Test
    void aNewerRecordIsNotGuessedAt() throws Exception {
        Files.writeString(temp.resolve("record.json"), "{\"version\":2}");
        assertThatThrownBy(() -> AttachmentRecord.read(temp)).hasMessageContaining("newer version");
    }

    @Test
    void theServerRecordNamesTheProcess() throws Exception {
        RunFolder run = new RunFolder(temp);
        assertThat(ServerRecord.read(run)).isEmpty();
        ServerRecord record = new ServerRecord(Processes.self(), 7);
        record.write(run);
        assertThat(ServerRecord.read(run)).contains(record);
    }

    @Test
    void namesOfDevicesAreFileNames() {
        for (String bad : List.of("", ".", "..", "a/b", ".hidden", "x".repeat(65), "a b")) {
            assertThatThrownBy(() -> new AttachRequest(bad, Path.of("/x"), false, Fields.NONE))
                    .isInstanceOf(IllegalArgumentException.class);
        }
        Path odd = Path.of("/some where/\u00e4 disk!.hdd");
        assertThat(new AttachRequest(AttachRequest.nameFor(ImagePlace.of(odd)), odd, false, Fields.NONE).deviceId())
                .startsWith("__disk__hdd-");
        assertThat(AttachRequest.nameFor(ImagePlace.of("/a/disk")))
                .isNotEqualTo(AttachRequest.nameFor(ImagePlace.of("/b/disk")));
    }

    @Test
    void theLogIsBounded() throws IOException {
        Path file = temp.resolve("log");
        try (BoundedLog log = new BoundedLog(file, 1000)) {
            for (int i = 0; i < 1000; i++) {
                byte[] line = ("line " + i + "\n").getBytes(StandardCharsets.UTF_8);
                log.write(line, 0, line.length);
            }
        }
        assertThat(Files.size(file)).isLessThanOrEqualTo(1000);
        assertThat(Files.size(temp.resolve("log.1"))).isLessThanOrEqualTo(1000);
        assertThat(Files.readString(file)).endsWith("line 999\n");
    }

    @Test
    void aServerCommandStaysInTheRunFolder() throws IOException {
        RunFolder run = new RunFolder(Files.createDirectory(temp.resolve("run")));
        Files.createDirectory(run.temporary());
        ServerCommand command = new ServerCommand(Path.of("/java"), "/a.jar:/b.jar", "org.example.Main");
        assertThat(command.line(run, List.of("-Xmx64m"), "org.example.Main"))
                .startsWith("/java", "-Xmx64m")
                .contains("-XX:+UseSerialGC", "-XX:-UsePerfData", "-Djava.io.tmpdir=" + run.temporary())
                .endsWith(
                        "-cp",
                        "/a.jar:/b.jar",
                        "org.example.Main",
                        "--run=" + run.path(),
                        "--server-main=org.example.Main");
    }
}
