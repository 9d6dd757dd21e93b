package org.tidemark.ploop.chain;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.tidemark.ploop.contract.TestBytes;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.SimulatedDisk;
import org.tidemark.ploop.testing.Seeds;

/** Whatever stands in the file that says what was under way: it is understood, or refused with one sentence. */
public class ChainIntentFuzzTest {
    private static final List<String> GOOD = List.of(
            "tidemark-intent 1\nmerge {11111111-1111-1111-1111-111111111111} {22222222-2222-2222-2222-222222222222}\n",
            "tidemark-intent 1\nunnamed root.hds\nunnamed root.hds.{33333333-3333-3333-3333-333333333333}\n",
            "tidemark-intent 1\ngrow 1073741824\n");

    /** One damaged intent, read, and acted on where it can be. */
    public static void input(Random random) throws IOException {
        byte[] bytes = GOOD.get(random.nextInt(GOOD.size())).getBytes(StandardCharsets.UTF_8);
        for (int i = random.nextInt(4); i >= 0; i--) {
            bytes = mutated(random, bytes);
        }
        SimulatedDisk disk = new SimulatedDisk();
        try (ImageIo io = disk.create(ChainIntent.FILE_NAME)) {
            TestBytes.write(io, 0, bytes);
        }
        try {
            Optional<ChainIntent> read = ChainIntent.read(disk);
            read.orElseThrow().write(disk);
            assertThat(ChainIntent.read(disk)).isEqualTo(read);
            for (String file : read.get().files()) {
                disk.exists(file);
            }
        } catch (ImageException e) {
            assertThat(e.getMessage()).contains(ChainIntent.FILE_NAME);
        }
    }

    private static byte[] mutated(Random random, byte[] bytes) {
        if (bytes.length == 0) {
            return TestBytes.random(random, 1 + random.nextInt(100));
        }
        byte[] changed = bytes.clone();
        int at = random.nextInt(bytes.length);
        switch (random.nextInt(5)) {
            case 0 -> changed[at] = (byte) random.nextInt(256);
            case 1 -> changed[at] ^= (byte) (1 << random.nextInt(8));
            case 2 -> changed = java.util.Arrays.copyOf(bytes, at);
            case 3 -> {
                String line = List.of(
                                "unnamed ..\n",
                                "unnamed a/b\n",
                                "unnamed \n",
                                "grow 99999999999999999999\n",
                                "grow 0\n",
                                "unnamed " + "x".repeat(5000) + "\n",
                                "merge {} {}\n",
                                "unnamed a\0b\n")
                        .get(random.nextInt(8));
                String text = new String(bytes, StandardCharsets.ISO_8859_1);
                changed = (text + line).getBytes(StandardCharsets.ISO_8859_1);
            }
            default -> {
                changed = new byte[bytes.length + at];
                System.arraycopy(bytes, 0, changed, 0, bytes.length);
                System.arraycopy(bytes, 0, changed, bytes.length, at);
            }
        }
        return changed;
    }

    @Test
    void whateverStandsThereIsUnderstoodOrRefused() throws Exception {
        for (long seed : Seeds.of(1000).toArray()) {
            Seeds.replayable(getClass(), seed, ChainIntentFuzzTest::input);
        }
    }

    @Test
    void aFileThatIsTooLongIsNotRead() throws IOException {
        SimulatedDisk disk = new SimulatedDisk();
        try (ImageIo io = disk.create(ChainIntent.FILE_NAME)) {
            io.truncate(1L << 40);
        }
        assertThatThrownBy(() -> ChainIntent.read(disk))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("too many");
    }
}
