package org.tidemark.appliance.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;

/** {@code tidemark ploop VERB}: the same words, the same output and the same exit code as the real tool's. */
@Requires({"root", "fuse", "loop", "mkfs.ext4", "ploop"})
@Timeout(240)
class PloopVerbsInteropIT {
    private static final String ONE = "{11111111-1111-1111-1111-111111111111}";
    private static final String TWO = "{22222222-2222-2222-2222-222222222222}";
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
            {"copy", "-s", "x"},
            {"mount", "-d", "/dev/ploop1", "x"},
            {"init", "-s", "1G", "-f", "raw", cli.path("x").toString()},
            {"check", "-d", "x"},
            {"snapshot-merge", "-n", "y", "x"}
        }) {
            Cli.Result result = ours(words);
            assertThat(result.exitCode()).isEqualTo(38);
            assertThat(result.err()).contains("not supported").contains(words[0]);
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
                ploop mount -m mnt root.hdd/DiskDescriptor.xml
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
        assertThat(result.out()).contains("one\ntwo\n").containsPattern("merged\ntwo\n");
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
