package org.tidemark.ploop.interop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tidemark.ploop.chain.AttachedImage.Use;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.contract.DeviceBytes;
import org.tidemark.ploop.format.qcow2.Bitmap;
import org.tidemark.ploop.format.qcow2.BitmapContent;
import org.tidemark.ploop.format.qcow2.Qcow2Header;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;
import org.tidemark.ploop.testing.Requires;
import org.tidemark.ploop.testing.Seeds;

/** Persistent bitmaps go both ways between us and qemu. */
@Requires({"qemu-img", "qemu-io", "nbdinfo", "qemu-nbd"})
class Qcow2BitmapInteropIT {
    private static final int DISK = Qcow2Lab.DISK;

    private Qcow2Lab lab;
    private Path folder;

    @BeforeEach
    void makeFolder() throws Exception {
        lab = new Qcow2Lab();
        folder = lab.folder;
    }

    @AfterEach
    void removeFolder() throws Exception {
        lab.remove();
    }

    /** What a bitmap says, as qemu-nbd exports it: "offset length" of what is dirty, joined. */
    private List<String> qemuBitmap(String file, String name) throws Exception {
        String output = Programs.ok(
                folder,
                "nbdinfo",
                "--json",
                "--map=qemu:dirty-bitmap:" + name,
                "--",
                "[",
                "qemu-nbd",
                "-r",
                "-f",
                "qcow2",
                "-B",
                name,
                file,
                "]");
        List<String> ranges = new ArrayList<>();
        Matcher matcher = Pattern.compile("\"offset\": (\\d+), *\"length\": (\\d+), *\"type\": 1")
                .matcher(output.replaceAll("\\s+", " "));
        while (matcher.find()) {
            ranges.add(matcher.group(1) + " " + matcher.group(2));
        }
        return ranges;
    }

    private List<String> ourBitmap(String file, String name) throws Exception {
        try (ImageIo io = new VfsImageDirectory(folder).open(file, OpenMode.READ_ONLY)) {
            Qcow2Header header = Qcow2Header.read(io);
            Bitmap bitmap = Bitmap.list(io, header).stream()
                    .filter(one -> one.name().equals(name))
                    .findFirst()
                    .orElseThrow();
            List<String> ranges = new ArrayList<>();
            BitmapContent.ranges(io, header, bitmap, (offset, length) -> ranges.add(offset + " " + length));
            return ranges;
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"cluster_size=65536", "cluster_size=1024", "cluster_size=512"})
    void bitmapsGoBothWays(String layout) throws Exception {
        Seeds.replayable(getClass(), layout.hashCode(), random -> {
            Programs.ok(folder, "qemu-img", "create", "-q", "-f", "raw", "under", "" + DISK);
            boolean roomy = !layout.endsWith("=512");
            List<String> create = new ArrayList<>(List.of("qemu-img", "create", "-q", "-f", "qcow2", "-o", layout));
            if (roomy) {
                // The name of the backing file is in the way of a new header extension.
                create.addAll(List.of("-b", "under", "-F", "raw"));
            }
            create.addAll(List.of("image", "" + DISK));
            Programs.ok(folder, create.toArray(new String[0]));
            List<BitSet> stored = new ArrayList<>();
            for (int round = 0; round < 3 && roomy; round++) {
                BitSet bits = new BitSet();
                for (int i = 0; i < 50; i++) {
                    int from = random.nextInt(DISK / 4096 - 9);
                    bits.set(from, from + 1 + random.nextInt(8));
                    bits.clear(random.nextInt(DISK / 4096));
                }
                try (ImageIo io = new VfsImageDirectory(folder).open("image", OpenMode.READ_WRITE)) {
                    BitmapContent.store(io, "ours" + round % 2, 12, Bitmap.AUTO, at -> bits.get((int) at));
                }
                stored.add(bits);
                lab.checkIsSpotless("image");
                assertThat(ChainCheck.run(lab.files("image")).findings()).isEmpty();
                assertThat(qemuBitmap("image", "ours" + round % 2)).isEqualTo(joined(bits));
                assertThat(ourBitmap("image", "ours" + round % 2)).isEqualTo(joined(bits));
            }
            Programs.ok(folder, "qemu-img", "bitmap", "--add", "-g", "512", "image", "theirs");
            lab.qemuWrites(random, "image", false);
            assertThat(ourBitmap("image", "theirs")).isNotEmpty().isEqualTo(qemuBitmap("image", "theirs"));
            byte[] model = lab.asRaw("image");
            try (DeviceBytes disk = DeviceBytes.open(lab.files("image"), Use.READ_WRITE)) {
                Qcow2Lab.weWrite(random, disk, model);
            }
            lab.checkIsSpotless("image");
            assertThat(Arrays.equals(lab.asRaw("image"), model)).isTrue();
            // We wrote and did not record it: nobody may believe the bitmap now.
            assertThat(Programs.ok(folder, "qemu-img", "info", "image")).contains("in-use");
            assertThatThrownBy(() -> ourBitmap("image", "theirs")).isInstanceOf(ImageException.class);
        });
    }

    private static List<String> joined(BitSet bits) {
        List<String> ranges = new ArrayList<>();
        for (int from = bits.nextSetBit(0); from >= 0; ) {
            int until = bits.nextClearBit(from);
            ranges.add(from * 4096L + " " + (until - from) * 4096L);
            from = bits.nextSetBit(until);
        }
        return ranges;
    }
}
