package org.tidemark.ploop.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.tidemark.ploop.chain.AttachedImage.Use;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.contract.DeviceBytes;
import org.tidemark.ploop.contract.TestBytes;
import org.tidemark.ploop.io.direct.DirectImageDirectory;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;

/** One folder in which qemu and we work on the same qcow2 images. */
final class Qcow2Lab {
    static final int DISK = 8 << 20;

    final Path folder;

    Qcow2Lab() throws IOException {
        folder = Programs.newFolder();
    }

    void remove() throws IOException {
        Programs.remove(folder);
    }

    ChainFiles files(String name) throws Exception {
        return ChainFiles.at(folder.resolve(name), VfsImageDirectory::new);
    }

    byte[] asRaw(String file) throws Exception {
        Files.deleteIfExists(folder.resolve("out.raw"));
        Programs.ok(folder, "qemu-img", "convert", "-f", "qcow2", "-O", "raw", file, "out.raw");
        return Files.readAllBytes(folder.resolve("out.raw"));
    }

    void checkIsSpotless(String file) throws Exception {
        String output = Programs.ok(folder, "qemu-img", "check", "-f", "qcow2", file);
        assertThat(output).contains("No errors were found");
    }

    /** Random requests; some layouts cannot have compressed clusters. */
    void qemuWrites(Random random, String file, boolean compressed) throws Exception {
        if (compressed) {
            for (int i = 0; i < 4; i++) {
                // Refused where a cluster is allocated already.
                int megabyte = random.nextInt(8);
                String range = (megabyte << 20) + " " + (1 << 20);
                Programs.run(folder, "qemu-io", "-f", "qcow2", "-c", "write -c -P " + (i + 7) + " " + range, file);
            }
        }
        List<String> command = new ArrayList<>(List.of("qemu-io", "-f", "qcow2"));
        for (int i = 0; i < 40; i++) {
            int length = (1 + random.nextInt(random.nextBoolean() ? 8 : 300)) * 512;
            int offset = random.nextInt((DISK - length) / 512) * 512;
            int value = 1 + random.nextInt(255);
            command.add("-c");
            switch (random.nextInt(6)) {
                case 0 -> command.add("write -q -z " + offset + " " + length);
                case 1 -> command.add("write -q -z -u " + offset + " " + length);
                case 2 -> command.add("discard -q " + offset + " " + length);
                default -> command.add("write -q -P " + value + " " + offset + " " + length);
            }
        }
        command.add(file);
        Programs.ok(folder, command.toArray(new String[0]));
    }

    static void weWrite(Random random, DeviceBytes disk, byte[] model) throws Exception {
        for (int i = 0; i < 40; i++) {
            int length = (1 + random.nextInt(random.nextBoolean() ? 8 : 300)) * 512;
            int offset = random.nextInt((model.length - length) / 512) * 512;
            if (random.nextInt(4) == 0) {
                disk.discard(offset, length);
                Arrays.fill(model, offset, offset + length, (byte) 0);
            } else {
                byte[] bytes = TestBytes.random(random, length);
                disk.write(offset, bytes);
                System.arraycopy(bytes, 0, model, offset, length);
            }
            if (random.nextInt(8) == 0) {
                disk.flush();
            }
        }
    }

    void weRead(String file, byte[] model) throws Exception {
        for (ChainFiles files : List.of(files(file), ChainFiles.at(folder.resolve(file), DirectImageDirectory::new))) {
            try (DeviceBytes disk = DeviceBytes.open(files, Use.READ_ONLY)) {
                assertThat(disk.device().sizeBytes()).isEqualTo(model.length);
                assertThat(Arrays.mismatch(disk.read(0, model.length), model))
                        .as("first byte that we read otherwise")
                        .isEqualTo(-1);
            }
        }
    }

    void assertSame(String file, byte[] model) throws Exception {
        checkIsSpotless(file);
        assertThat(ChainCheck.run(files(file)).findings()).isEmpty();
        assertThat(Arrays.mismatch(asRaw(file), model))
                .as("first byte that qemu reads otherwise")
                .isEqualTo(-1);
        weRead(file, model);
    }
}
