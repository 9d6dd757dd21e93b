package org.tidemark.appliance.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.FailureKind;
import org.tidemark.ploop.chain.DiskDescriptor;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.migrate.StreamException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * {@code tidemark ploop VERB ...}: the ploop tool's own verbs and flags for what is supported, so that old scripts go on.
 * Output and exit codes are the tool's; a verb or flag that is not supported is named and refused.
 */
@Command(
        name = "ploop",
        description =
                "The ploop tool's own verbs, flags and exit codes, for scripts that were written for it: init, check,"
                        + " info, convert, list, mount, umount, resize, grow, balloon, snapshot, snapshot-list, snapshot-delete,"
                        + " snapshot-merge, snapshot-switch, merge, replace, copy,"
                        + " restore-descriptor.",
        mixinStandardHelpOptions = true)
final class PloopCommand implements Callable<Integer> {
    @Parameters(paramLabel = "VERB", arity = "0..*", description = "A verb of the ploop tool, and its words.")
    private List<String> words = new ArrayList<>();

    @Spec
    private @Nullable CommandSpec spec;

    private static final String USAGE = """
            Usage: ploop init -s SIZE [-b BLOCKSIZE] [-t FSTYPE] NEW_DELTA
                   ploop mount [-r] [-m DIR] [-u UUID] DiskDescriptor.xml
                   ploop mount [-r] [-m DIR] BASE_DELTA [ ... TOP_DELTA ]
                   ploop umount { -d DEVICE | -m DIR | DELTA | DiskDescriptor.xml }
                   ploop check [-fFcrs] { DELTA | DiskDescriptor.xml }
                   ploop info [-s] [-d] DiskDescriptor.xml
                   ploop convert { -f { raw | preallocated } | -v VERSION } DiskDescriptor.xml
                   ploop list [-a]
                   ploop resize -s NEW_SIZE [--offline] DiskDescriptor.xml
                   ploop grow -s NEW_SIZE { -d DEVICE | DELTA | DiskDescriptor.xml }
                   ploop balloon { show | change -s SIZE | discard } {-d DEVICE | -m DIR | DiskDescriptor.xml}
                   ploop snapshot [-u UUID] DiskDescriptor.xml
                   ploop snapshot-delete -u UUID DiskDescriptor.xml
                   ploop snapshot-merge [-u UUID | -A] [-n NEW_DELTA] DiskDescriptor.xml
                   ploop snapshot-switch -u UUID DiskDescriptor.xml
                   ploop snapshot-list [-H] [-s] [-o field[,field...]] [-u UUID] DiskDescriptor.xml
                   ploop merge { -d DEVICE [-l LEVEL[..TOP_LEVEL]] | [-n NEW_DELTA] DELTAS_TO_MERGE BASE_DELTA }
                   ploop replace { -u UUID | -o CDELTA } [-k] -i DELTA DiskDescriptor.xml
                   ploop copy -s DEVICE [-F STOP_COMMAND] { [-d FILE] | [-o OUTPUT_FD] [-f FEEDBACK_FD] }
                   ploop copy -d FILE [-i INPUT_FD] [-f FEEDBACK_FD]
                   ploop restore-descriptor [-f FORMAT] [-b BLOCKSIZE] IMAGE_DIR BASE_DELTA""";

    private static final String OF_THE_MODULE =
            "it is about devices of the kernel module; 'ploop mount' and 'ploop umount', or 'tidemark attach', 'detach' and"
                    + " 'devices', do what it is for";

    /** Verbs of the real tool that are not supported here, and why, and what to do instead. */
    private static final Map<String, String> REFUSED = Map.ofEntries(
            Map.entry("start", OF_THE_MODULE),
            Map.entry("stop", OF_THE_MODULE),
            Map.entry("delete", OF_THE_MODULE),
            Map.entry("rm", OF_THE_MODULE),
            Map.entry("clear", OF_THE_MODULE),
            Map.entry("stat", OF_THE_MODULE),
            Map.entry(
                    "fscheck", "attach the image with 'tidemark attach' and run e2fsck on the partition of its device"),
            Map.entry(
                    "tsnapshot",
                    "a backup needs no snapshot here: 'tidemark export' shows one instant; 'ploop snapshot' and 'ploop"
                            + " mount -u' show a level"),
            Map.entry("encrypt", "images are not encrypted; put their folder on an encrypted file system"));

    /** Everything after the verb is the verb's own. */
    static CommandLine line() {
        return new CommandLine(new PloopCommand()).setStopAtPositional(true);
    }

    @Override
    public Integer call() throws IOException {
        CommandSpec known = spec;
        PrintWriter out = known == null
                ? new PrintWriter(System.out, true, StandardCharsets.UTF_8)
                : known.commandLine().getOut();
        PrintWriter err = known == null
                ? new PrintWriter(System.err, true, StandardCharsets.UTF_8)
                : known.commandLine().getErr();
        String verb = words.isEmpty() ? "" : words.get(0);
        int exitCode;
        try {
            exitCode = run(verb, words.isEmpty() ? List.of() : words.subList(1, words.size()), out);
        } catch (IOException | IllegalArgumentException e) {
            err.println((verb.isEmpty() ? "" : verb + ": ") + FailureKind.words(e));
            exitCode = verb.equals("snapshot-list") ? 1 : exitCodeOf(e);
        }
        out.flush();
        err.flush();
        return exitCode;
    }

    private static int run(String verb, List<String> rest, PrintWriter out) throws IOException {
        PloopSnapshotVerbs snapshots = new PloopSnapshotVerbs(out);
        PloopImageVerbs images = new PloopImageVerbs(out);
        PloopFileVerbs files = new PloopFileVerbs(out);
        PloopSizeVerbs sizes = new PloopSizeVerbs(out);
        return switch (verb) {
            case "init" -> images.init(rest);
            case "check" -> images.check(rest);
            case "info" -> images.info(rest);
            case "convert" -> files.convert(rest);
            case "replace" -> files.replace(rest);
            case "merge" -> files.merge(rest);
            case "list" -> images.list(rest);
            case "restore-descriptor" -> images.restoreDescriptor(rest);
            case "mount" -> images.mount(rest);
            case "umount" -> images.unmount(rest);
            case "resize" -> sizes.resize(rest);
            case "grow" -> sizes.grow(rest);
            case "balloon" -> sizes.balloon(rest);
            case "copy" -> new PloopCopyVerb(out).run(rest);
            case "snapshot" -> snapshots.create(rest);
            case "snapshot-list" -> snapshots.list(rest);
            case "snapshot-delete" -> snapshots.delete(rest);
            case "snapshot-merge" -> snapshots.merge(rest);
            case "snapshot-switch" -> snapshots.switchTo(rest);
            default ->
                throw new PloopException(
                        PloopException.PARAMETER,
                        REFUSED.containsKey(verb)
                                ? "'ploop " + verb + "' is not supported by tidemark: " + REFUSED.get(verb)
                                : USAGE);
        };
    }

    /** What the tool would end with. */
    private static int exitCodeOf(Exception failure) {
        if (failure instanceof PloopException ours) {
            return ours.exitCode();
        }
        if (failure instanceof ImageException image) {
            boolean descriptor = String.valueOf(image.getMessage()).contains(DiskDescriptor.FILE_NAME);
            return switch (image.kind()) {
                case IN_USE -> PloopException.BUSY;
                case NOT_CLOSED -> PloopException.IN_USE;
                case DAMAGED, NOT_AN_IMAGE -> descriptor ? PloopException.DESCRIPTOR : PloopException.FORMAT;
                case INVALID_REQUEST, UNSUPPORTED -> PloopException.PARAMETER;
                case READ_ONLY, SUSPECT -> PloopException.SYSTEM;
            };
        }
        if (failure instanceof StreamException stream) {
            return stream.kind() == StreamException.Kind.CUT ? PloopException.READ : PloopException.PROTOCOL;
        }
        if (failure instanceof NoSuchFileException missing) {
            return String.valueOf(missing.getFile()).contains(".xml") ? PloopException.DESCRIPTOR : PloopException.OPEN;
        }
        return switch (FailureKind.of(failure)) {
            case CONFLICT -> PloopException.BUSY;
            case USAGE, UNSUPPORTED -> PloopException.PARAMETER;
            case NOT_FOUND -> PloopException.OPEN;
            case DAMAGED -> PloopException.FORMAT;
            default -> PloopException.SYSTEM;
        };
    }
}
