package org.tidemark.appliance.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;

/** {@code tidemark ploop VERB}: the same words, the same output and the same exit code as the real tool's. */
@Requires({"root", "fuse", "loop", "mkfs.ext4", "ploop", "qemu-img"})
@Timeout(240)
class PloopVerbsInteropIT {
    private static final String ONE = "{11111111-1111-1111-1111-111111111111}";
    private static final String TWO = "{22222222-2222-2222-2222-222222222222}";
    private static final String TOP = "{5fbaabe3-6958-40ff-92a7-860e329aab41}";
    private static final String NOBODY = "{33333333-3333-3333-3333-333333333333}";

    private Cli cli;

    @BeforeEach
    void start() throws IOException {
        cli = Cli.start("ploop-verbs-");
    }

    @AfterEach
    void stop() throws IOException {
        cli.close();
    }

    private Cli.Result ours(String... words) throws Exception {
        List<String> line = new ArrayList<>(List.of("ploop"));
        line.addAll(List.of(words));
        return cli.run(line.toArray(String[]::new));
    }

    /** The real tool's answer; it reads beyond its arguments, so there has to be something. */
    private Cli.Result theirs(String... words) throws Exception {
        List<String> line = new ArrayList<>(List.of("ploop"));
        line.addAll(List.of(words));
        Path out = cli.path("real.out");
        ProcessBuilder builder = new ProcessBuilder(line).redirectOutput(out.toFile());
        builder.redirectError(ProcessBuilder.Redirect.DISCARD);
        builder.environment().put("PADDING", "x".repeat(12_000));
        Process process = builder.start();
        assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
        return new Cli.Result(process.exitValue(), Files.readString(out), "");
    }

    private void same(String... words) throws Exception {
        Cli.Result real = theirs(words);
        Cli.Result ours = ours(words);
        assertThat(ours.out()).as(String.join(" ", words)).isEqualTo(real.out());
        assertThat(ours.exitCode()).as(String.join(" ", words)).isEqualTo(real.exitCode());
    }

    @Test
    void aDescriptorOfARawDiskIsThatOfTheRealTool() throws Exception {
        for (String size : List.of("10485760", "9830400", "1000000")) {
            Path one = rawDisk("ours-" + size, size);
            Path other = rawDisk("theirs-" + size, size);
            Cli.Result real =
                    theirs("restore-descriptor", "-f", "raw", one.getParent().toString(), one.toString());
            Cli.Result ours =
                    ours("restore-descriptor", "-f", "raw", other.getParent().toString(), other.toString());
            assertThat(ours.exitCode() == 0).as(size).isEqualTo(real.exitCode() == 0);
            if (ours.exitCode() == 0) {
                assertThat(size(other)).as(size).isEqualTo(size(one));
            }
        }
    }

    private Path rawDisk(String folder, String size) throws Exception {
        Path file = Files.createDirectory(cli.path(folder)).resolve("root.hds");
        Commands.run(Cli.LIMIT, "truncate", "-s", size, file.toString());
        return file;
    }

    private String size(Path delta) throws Exception {
        String text = Files.readString(delta.resolveSibling("DiskDescriptor.xml"));
        return text.replaceAll("(?s).*<Disk_size>", "").replaceAll("(?s)</.*", "") + " in "
                + text.replaceAll("(?s).*<Blocksize>", "").replaceAll("(?s)</.*", "");
    }

    @Test
    void listsAndCodesAreThoseOfTheRealTool() throws Exception {
        Path folder = Files.createDirectory(cli.path("image"));
        String descriptor = folder.resolve("DiskDescriptor.xml").toString();
        String delta = folder.resolve("root.hdd").toString();
        assertThat(ours("init", "-s", "64M", "-t", "none", delta).exitCode()).isZero();
        assertThat(ours("snapshot", "-u", ONE, descriptor).out())
                .isEqualTo("ploop snapshot " + ONE + " has been successfully created\n");
        assertThat(ours("snapshot", "-u" + TWO, descriptor).exitCode()).isZero();

        same("snapshot-list", descriptor);
        same("snapshot-list", "-H", descriptor);
        same("snapshot-list", "-s", descriptor);
        same("snapshot-list", "-H", "-o", "uuid", descriptor);
        same("snapshot-list", "-o", "fname,uuid,current", descriptor);
        same("snapshot-list", "-Hu", ONE, "-o", "parent_uuid,fname", descriptor);
        same("snapshot-list", "-u", NOBODY, descriptor);
        same("snapshot-list", "-o", "colour", descriptor);
        same("snapshot-list", folder.resolve("nothing.xml").toString());
        same("snapshot-list");
        same("check", "-f", "-r", "-s", delta);
        same("check", folder.resolve("nothing").toString());
        same("list");
        codes("snapshot", folder.resolve("nothing.xml").toString());
        codes("snapshot", "-u", "junk", descriptor);
        codes("snapshot-delete", "-u", NOBODY, descriptor);
        codes("snapshot-delete", descriptor);
        codes("snapshot-switch", "-u", NOBODY, descriptor);
        codes("snapshot-merge", "-u", NOBODY, descriptor);
        codes("snapshot-merge", "-u", ONE, descriptor);
        codes("info", folder.resolve("nothing.xml").toString(), "-s");
        codes("umount", descriptor);
        codes("nosuchverb");
        codes();
        assertThat(ours("info", "-s", descriptor).out())
                .isEqualTo(theirs("info", "-s", descriptor).out().replaceFirst("(?m)^Opening delta.*\n", ""));

        assertThat(ours("snapshot-merge", "-u", TWO, descriptor).exitCode()).isZero();
        same("snapshot-list", descriptor);
        assertThat(ours("snapshot-switch", "-u", TWO, descriptor).exitCode()).isZero();
        same("snapshot-list", descriptor);
        assertThat(ours("snapshot-delete", "-u", TWO, descriptor).out())
                .isEqualTo("ploop snapshot has been successfully merged\n");
        same("snapshot-list", descriptor);
        Files.delete(Path.of(descriptor));
        String left = Commands.run(Cli.LIMIT, "sh", "-c", "ls " + folder + " | grep '^root'")
                .strip();
        assertThat(ours(
                                "restore-descriptor",
                                folder.toString(),
                                folder.resolve(left).toString())
                        .exitCode())
                .isZero();
        same("snapshot-list", descriptor);
        codes("restore-descriptor", folder.toString(), folder.resolve(left).toString());

        assertThat(ours("convert", "-v", "1", descriptor).exitCode()).isZero();
        assertThat(ours("info", "-s", descriptor).out()).contains("fmt_version:\t1");
        assertThat(theirs("check", "-f", "-r", folder.resolve(left).toString()).exitCode())
                .isZero();
        assertThat(ours("convert", "-v", "3", descriptor).exitCode()).isEqualTo(PloopException.PARAMETER);
        assertThat(ours("convert", "-v", "2", descriptor).exitCode()).isZero();
        assertThat(ours("info", "-s", descriptor).out()).contains("fmt_version:\t2");
    }

    private void codes(String... words) throws Exception {
        assertThat(ours(words).exitCode())
                .as(String.join(" ", words))
                .isEqualTo(theirs(words).exitCode());
    }

    /** Nothing that is asked for is left out in silence. */
    @Test
    void whatIsNotSupportedIsNamed() throws Exception {
        for (String[] words : new String[][] {
            {"balloon", "repair", "x"},
            {"balloon", "discard", "--defrag", "x"},
            {"grow", "-s", "1G", "-f", "raw", "x"},
            {"mount", "-d", "/dev/ploop1", "x"},
            {"init", "-s", "1G", "-f", "raw", cli.path("x").toString()},
            {"check", "-d", "x"},
            {"replace", "-l", "0", "-i", "y", "x"},
            {"merge", "-f", "raw", "y", "x"},
            {"snapshot-merge", "-U", ONE, "x"}
        }) {
            Cli.Result result = ours(words);
            assertThat(result.exitCode()).isEqualTo(38);
            assertThat(result.err()).contains("not supported").contains(words[0]);
        }
    }

    private Path chain;

    /** Two snapshots of version 1, which the real tool changes without its module; the top holds something of its own. */
    private Path chain(String name) throws Exception {
        if (chain == null) {
            chain = Files.createDirectory(cli.path("chain"));
            Path delta = chain.resolve("root.hdd");
            String descriptor = chain.resolve("DiskDescriptor.xml").toString();
            assertThat(ours("init", "-s", "16M", "-t", "none", delta.toString()).exitCode())
                    .isZero();
            assertThat(ours("convert", "-v", "1", descriptor).exitCode()).isZero();
            fill(delta, "write -P 0x11 0 3M");
            for (String guid : List.of(ONE, TWO)) {
                assertThat(ours("snapshot", "-u", guid, descriptor).exitCode()).isZero();
                Path top = fileOf(chain, TOP);
                fill(top, guid.equals(ONE) ? "write -P 0x22 1M 2M" : "write -P 0x33 2M 2M");
            }
        }
        Path copy = cli.path(name);
        Commands.run(Cli.LIMIT, "cp", "-a", "--sparse=never", chain.toString(), copy.toString());
        return copy;
    }

    private static void fill(Path delta, String write) throws Exception {
        Commands.run(Cli.LIMIT, "qemu-io", "-f", "parallels", "-c", write, delta.toString());
    }

    private static List<Path> deltas(Path folder) throws IOException {
        try (Stream<Path> all = Files.list(folder)) {
            return all.filter(file -> !file.toString().contains("DiskDescriptor"))
                    .sorted()
                    .toList();
        }
    }

    /** The file of a level, as the descriptor has it. */
    private static Path fileOf(Path folder, String guid) throws IOException {
        Matcher image = Pattern.compile(
                        "<Image>\\s*<GUID>" + Pattern.quote(guid) + "</GUID>.*?<File>(.*?)</File>", Pattern.DOTALL)
                .matcher(Files.readString(folder.resolve("DiskDescriptor.xml")));
        assertThat(image.find()).as(guid).isTrue();
        return folder.resolve(image.group(1));
    }

    /** The real tool sees the same tree and the same files in both, and qemu the same in each of them. */
    private void sameImages(Path one, Path other, String format) throws Exception {
        List<String> words = List.of("snapshot-list", "-H", "-o", "parent_uuid,current,uuid,fname");
        List<String> lists = new ArrayList<>();
        for (Path folder : List.of(one, other)) {
            List<String> line = new ArrayList<>(words);
            line.add(folder.resolve("DiskDescriptor.xml").toString());
            lists.add(theirs(line.toArray(String[]::new)).out().replace(folder.toString(), ""));
        }
        assertThat(lists.get(0)).isNotBlank().isEqualTo(lists.get(1));
        List<Path> files = deltas(one);
        assertThat(deltas(other).stream().map(Path::getFileName))
                .isEqualTo(files.stream().map(Path::getFileName).toList());
        for (Path file : files) {
            Path twin = other.resolve(file.getFileName());
            Commands.run(
                    Cli.LIMIT, "qemu-img", "compare", "-f", format, "-F", format, file.toString(), twin.toString());
            if (format.equals("parallels")) {
                assertThat(theirs("check", "-f", twin.toString()).exitCode())
                        .as("check of " + twin)
                        .isZero();
            }
        }
    }

    private void both(Path real, Path own, Words words) throws Exception {
        Cli.Result theirs = theirs(words.of(real));
        Cli.Result ours = ours(words.of(own));
        assertThat(theirs.exitCode()).as(String.join(" ", words.of(real))).isZero();
        assertThat(ours.exitCode()).as(ours.err()).isZero();
    }

    private interface Words {
        String[] of(Path folder) throws Exception;
    }

    private static String xml(Path folder) {
        return folder.resolve("DiskDescriptor.xml").toString();
    }

    /** Of two copies of an image the real tool changes one, and we the other. */
    @Test
    void levelsAreMergedIntoNewFilesAsByTheRealTool() throws Exception {
        Path real = chain("real-n");
        Path own = chain("own-n");
        // With -n the real tool merges, and then ends by a signal: what it does without is what there is to compare
        // with.
        assertThat(theirs("snapshot-merge", "-u", TWO, xml(real)).exitCode()).isZero();
        Cli.Result merged =
                ours("snapshot-merge", "-u", TWO, "-n", own.resolve("n.hdd").toString(), xml(own));
        assertThat(merged.exitCode()).as(merged.err()).isZero();
        assertThat(deltas(own)).hasSize(2).contains(own.resolve("n.hdd"));
        assertThat(fileOf(own, TWO)).isEqualTo(own.resolve("n.hdd"));
        Commands.run(
                Cli.LIMIT,
                "qemu-img",
                "compare",
                "-f",
                "parallels",
                "-F",
                "parallels",
                fileOf(real, TWO).toString(),
                own.resolve("n.hdd").toString());
        codes("snapshot-merge", "-n", own.resolve("n.hdd").toString(), xml(own));

        Path realMerge = chain("real-m");
        Path ownMerge = chain("own-m");
        both(realMerge, ownMerge, in -> new String[] {"merge", fileOf(in, TOP) + "", fileOf(in, TWO) + ""});
        // The real tool leaves the merged file, and a descriptor that names it.
        Path base = fileOf(ownMerge, TOP);
        Commands.run(
                Cli.LIMIT,
                "qemu-img",
                "compare",
                "-f",
                "parallels",
                "-F",
                "parallels",
                realMerge.resolve(base.getFileName()).toString(),
                base.toString());
        assertThat(deltas(ownMerge)).hasSize(2);
        codes("merge", xml(ownMerge));
        codes("merge", base.toString());
    }

    @Test
    void anImageIsConvertedAsByTheRealTool() throws Exception {
        for (String format : List.of("raw", "preallocated")) {
            Path real = chain("real-" + format);
            Path own = chain("own-" + format);
            for (Path folder : List.of(real, own)) {
                assertThat(ours("snapshot-merge", "-A", xml(folder)).exitCode()).isZero();
            }
            both(real, own, in -> new String[] {"convert", "-f", format, xml(in)});
            sameImages(real, own, format.equals("raw") ? "raw" : "parallels");
            assertThat(Files.size(own.resolve("root.hdd"))).isEqualTo(Files.size(real.resolve("root.hdd")));
            Pattern kind = Pattern.compile("<(Type|Preallocated)>[^<]*");
            assertThat(kind.matcher(Files.readString(own.resolve("DiskDescriptor.xml")))
                            .results()
                            .map(MatchResult::group))
                    .isEqualTo(kind.matcher(Files.readString(real.resolve("DiskDescriptor.xml")))
                            .results()
                            .map(MatchResult::group)
                            .toList());
            if (format.equals("raw")) {
                codes("convert", "-f", "preallocated", xml(own));
            }
        }
        codes("convert", "-f", "colour", xml(chain("own-c")));
    }

    @Test
    void aFileIsReplacedAsByTheRealTool() throws Exception {
        for (String keep : List.of("-k", "-u")) {
            Path real = chain("real" + keep);
            Path own = chain("own" + keep);
            for (Path folder : List.of(real, own)) {
                Commands.run(
                        Cli.LIMIT,
                        "cp",
                        "--sparse=never",
                        fileOf(folder, ONE).toString(),
                        folder.resolve("copy.hdd").toString());
            }
            both(
                    real,
                    own,
                    in -> keep.equals("-k")
                            ? new String[] {"replace", "-k", "-u", ONE, "-i", in.resolve("copy.hdd") + "", xml(in)}
                            : new String[] {"replace", "-u", ONE, "-i", in.resolve("copy.hdd") + "", xml(in)});
            sameImages(real, own, "parallels");
            assertThat(fileOf(own, ONE).getFileName()).hasToString(keep.equals("-k") ? "root.hdd" : "copy.hdd");
            codes("replace", "-u", NOBODY, "-i", own.resolve("root.hdd").toString(), xml(own));
            codes("replace", "-u", ONE, xml(own));
            codes("replace", "-u", ONE, "-i", own.resolve("nothing").toString(), xml(own));
        }
    }

    @Test
    void aScriptGoesOn() throws Exception {
        Path folder = Files.createDirectory(cli.path("root.hdd"));
        Path mount = Files.createDirectory(cli.path("mnt"));
        Path beside = Files.createDirectory(cli.path("beside"));
        Files.writeString(cli.path("script.sh"), """
                set -e
                ploop init -s 256M root.hdd/root.hdd
                ploop mount -m mnt root.hdd/DiskDescriptor.xml
                echo one > mnt/word
                ploop snapshot -u {11111111-1111-1111-1111-111111111111} root.hdd/DiskDescriptor.xml
                echo two > mnt/word
                ploop mount -r -m beside -u {11111111-1111-1111-1111-111111111111} root.hdd/DiskDescriptor.xml
                cat beside/word mnt/word
                ploop umount -m beside
                ploop mount -r -m beside root.hdd/root.hdd
                cat beside/word
                ploop info root.hdd/DiskDescriptor.xml
                ploop list -a
                ploop umount -m beside
                ploop snapshot-delete -u {11111111-1111-1111-1111-111111111111} root.hdd/DiskDescriptor.xml
                cat mnt/word
                ploop balloon change -s 100M -m mnt
                ploop balloon show root.hdd/DiskDescriptor.xml
                df -m --output=avail mnt | tail -1 | xargs echo free
                ploop umount root.hdd/DiskDescriptor.xml
                ploop balloon show root.hdd/DiskDescriptor.xml
                stat -c 'delta %s' root.hdd/root.hdd
                ploop resize -s 512M root.hdd/DiskDescriptor.xml
                ploop resize -s 300M --offline root.hdd/DiskDescriptor.xml
                ploop mount -m mnt root.hdd/root.hdd
                cat mnt/word
                ploop grow -s 320M root.hdd/DiskDescriptor.xml
                ploop balloon change -s 10M root.hdd/DiskDescriptor.xml
                ploop balloon discard -m mnt
                ploop umount -m mnt
                ploop info -s root.hdd/DiskDescriptor.xml
                ploop check root.hdd/DiskDescriptor.xml
                """.replace("ploop ", String.join(" ", Cli.command("ploop")) + " "));
        Cli.Result result = cli.begin(List.of("sh", "-ec", "cd " + cli.folder() + " && . ./script.sh"))
                .await();
        assertThat(result.exitCode()).as(result.out() + result.err()).isZero();
        assertThat(result.out())
                .contains("one\ntwo\n")
                .containsPattern("(?s)Mounting [^\n]*beside\none\n")
                .containsPattern("merged\ntwo\n");
        assertThat(result.out())
                .containsPattern("(?m)^   resource           Size           Used\n  1k-blocks  +2[0-9]{5} +[0-9]+\n")
                .containsPattern("(?m)^     inodes  +[0-9]+  +1[0-9]\n")
                .contains(folder + "\t" + mount);
        assertThat(result.out())
                .contains("Successfully inflated balloon from 0 to 104857600 bytes")
                .containsPattern("(?s)hidden balloon is 104857600 bytes.*hidden balloon is 104857600 bytes")
                .contains("Successfully truncated balloon from 104857600 to 10485760 bytes")
                .containsPattern("size:\\s+655360");
        assertThat(number(result.out(), "free ")).as("MiB that are left").isBetween(80L, 140L);
        assertThat(number(result.out(), "delta "))
                .as("what the balloon holds has no clusters")
                .isLessThan(60L << 20);
        assertThat(mount).isEmptyDirectory();
        assertThat(beside).isEmptyDirectory();
        assertThat(folder.resolve("DiskDescriptor.xml")).exists();
    }

    private static long number(String text, String after) {
        Matcher matcher = Pattern.compile(after + "(\\d+)").matcher(text);
        assertThat(matcher.find()).as(text).isTrue();
        return Long.parseLong(matcher.group(1));
    }
}
