package org.tidemark.ploop.chain;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.testing.Seeds;

/**
 * Descriptors from real tools, and one with everything that they may hold, are read and rewritten
 * without loss, and whatever is done to them ends in an image or in one sentence.
 */
public class DiskDescriptorFuzzTest {
    private static final int INPUTS = 2000;
    private static final String[] NAMES = {
        "ploop-1.15-fresh", "ploop-1.15-tree", "ploop-1.15-preallocated", "ploop-1.15-raw", "virtuozzo-root"
    };

    private static String golden(String name) throws IOException {
        try (InputStream in = DiskDescriptorFuzzTest.class.getResourceAsStream("/golden/descriptor/" + name + ".xml")) {
            assertThat(in).as(name).isNotNull();
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static DiskDescriptor parse(String text) throws ImageException {
        return DiskDescriptor.parse("test", text.getBytes(StandardCharsets.UTF_8));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "ploop-1.15-fresh",
                "ploop-1.15-tree",
                "ploop-1.15-preallocated",
                "ploop-1.15-raw",
                "virtuozzo-root"
            })
    void goldenDescriptorsSurviveARewriting(String name) throws IOException {
        String text = golden(name);
        DiskDescriptor read = parse(text);
        String again = new String(read.serialise(), StandardCharsets.UTF_8);
        assertThat(words(again)).isEqualTo(words(text));
        DiskDescriptor changed = read.withSnapshot("{77777777-7777-7777-7777-777777777777}", "new");
        List<String> kept = new ArrayList<>(words(new String(changed.serialise(), StandardCharsets.UTF_8)));
        for (String word : words(text)) {
            assertThat(kept.remove(word) || word.contains(Guid.TOP)).as(word).isTrue();
        }
    }

    /** Tags with their attributes, and texts, without white space between them. */
    private static List<String> words(String xml) {
        String plain = xml.replaceFirst("<\\?xml[^>]*\\?>", "").replaceAll("<!--.*?-->", "");
        List<String> words = new ArrayList<>();
        for (String word : plain.split("(?<=>)|(?=<)")) {
            if (!word.isBlank()) {
                words.add(word.strip());
            }
        }
        return words;
    }

    @Test
    void theTreeOfTheRealToolIsUnderstood() throws IOException {
        DiskDescriptor tree = parse(golden("ploop-1.15-tree"));
        assertThat(tree.shots()).hasSize(4);
        assertThat(tree.requireShot("{11111111-1111-1111-1111-111111111111}").temporary())
                .isTrue();
        assertThat(tree.childrenOf("{11111111-1111-1111-1111-111111111111}")).hasSize(2);
        assertThat(parse(golden("ploop-1.15-raw")).images().get(0).formatId()).isEqualTo("raw");
    }

    @Test
    @Timeout(120)
    void whateverStandsThereEndsInAnImageOrASentence() throws Exception {
        int[] read = {0, 0};
        for (long seed : Seeds.of(INPUTS).toArray()) {
            read[1]++;
            Seeds.replayable(getClass(), seed, random -> read[0] += isRead(random) ? 1 : 0);
        }
        System.out.println(read[0] + " of " + read[1] + " changed descriptors can be read");
        if (read[1] >= 100) {
            assertThat(read[0]).as("some must get past the parser").isBetween(read[1] / 50, read[1] - read[1] / 50);
        }
    }

    @Test
    void whatCannotBeWrittenAgainIsReadAndNotChanged() throws IOException {
        String text = golden("ploop-1.15-tree").replaceFirst("<StorageData>", "<StorageData a:b=\"1\">");
        DiskDescriptor read = DiskDescriptor.parse("test", text.getBytes(StandardCharsets.UTF_8));
        assertThat(read.shots()).isNotEmpty();
        assertThatThrownBy(() -> read.withSnapshot("{77777777-7777-7777-7777-777777777777}", "new"))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("cannot be written again")
                .hasMessageContaining("'a'");
    }

    /** One damaged descriptor. */
    public static void input(Random random) {
        isRead(random);
    }

    private static boolean isRead(Random random) {
        byte[] bytes = Texts.ALL.get(random.nextInt(Texts.ALL.size())).clone();
        for (int times = 1 + random.nextInt(3); times > 0; times--) {
            bytes = mutated(random, bytes);
        }
        return survives(random, bytes);
    }

    /** Read once; every input has a copy. */
    private static final class Texts {
        static final List<byte[]> ALL = new ArrayList<>();

        static {
            for (String name : NAMES) {
                try {
                    ALL.add(golden(name).getBytes(StandardCharsets.UTF_8));
                } catch (IOException e) {
                    throw new java.io.UncheckedIOException(e);
                }
            }
        }
    }

    /** Only the typed failure may come out, of reading and of every change of what was read. */
    private static boolean survives(Random random, byte[] bytes) {
        try {
            DiskDescriptor read = DiskDescriptor.parse("test", bytes);
            read.pathTo(read.topGuid());
            String any = read.shots().get(random.nextInt(read.shots().size())).guid();
            read.withSnapshot(Guid.of(new UUID(random.nextLong(), random.nextLong())), "new");
            read.withTemporary(any);
            return true;
        } catch (ImageException e) {
            assertThat(e.getMessage()).startsWith("test");
            return false;
        }
    }

    private static byte[] mutated(Random random, byte[] bytes) {
        if (bytes.length == 0) {
            return bytes;
        }
        String text = new String(bytes, StandardCharsets.ISO_8859_1);
        int at = random.nextInt(text.length());
        int end = Math.min(text.length(), at + 1 + random.nextInt(40));
        String changed =
                switch (random.nextInt(10)) {
                    case 0 -> text.substring(0, at);
                    case 1 -> text.substring(0, at) + text.substring(end);
                    case 2 -> text.substring(0, end) + text.substring(at);
                    case 3 -> text.substring(0, at) + (char) random.nextInt(256) + text.substring(at + 1);
                    case 4 -> text.replaceFirst("[0-9]+", Long.toString(random.nextLong()));
                    case 5 -> replaceAt(random, text, "<[A-Za-z_]+>", "<Shot>");
                    case 6 -> replaceAt(random, text, "\\{[0-9a-f-]+}", Guid.NONE);
                    case 7 -> replaceAt(random, text, ">[^<>]+<", ">" + "9".repeat(random.nextInt(40)) + "<");
                    case 8 -> "<!DOCTYPE x [<!ENTITY a \"b\"><!ENTITY c \"&a;&a;\">]>" + text;
                    default -> replaceAt(random, text, "<File>[^<]*", "<File>../" + "a/".repeat(random.nextInt(9)));
                };
        return changed.getBytes(StandardCharsets.ISO_8859_1);
    }

    private static String replaceAt(Random random, String text, String pattern, String with) {
        java.util.regex.Matcher matcher =
                java.util.regex.Pattern.compile(pattern).matcher(text);
        int skip = random.nextInt(12);
        while (matcher.find()) {
            if (skip-- <= 0) {
                return text.substring(0, matcher.start()) + with + text.substring(matcher.end());
            }
        }
        return text;
    }
}
