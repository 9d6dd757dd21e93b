package org.tidemark.appliance.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import picocli.CommandLine;

/** {@code ploop copy}, as {@code tidemark copy} does it; the tool says nothing when it goes well. */
final class PloopCopyVerb {
    private static final String USAGE = """
            Usage: ploop copy -s DEVICE [-F STOP_COMMAND] { [-d FILE] | [-o OUTPUT_FD] [-f FEEDBACK_FD] }
                   ploop copy -d FILE [-i INPUT_FD] [-f FEEDBACK_FD]""";

    private final PrintWriter out;

    PloopCopyVerb(PrintWriter out) {
        this.out = out;
    }

    int run(List<String> rest) throws IOException {
        PloopWords words = PloopWords.parse("s:d:F:o:i:f:a", Map.of(), rest);
        words.refuse("copy", "a");
        if (!words.operands().isEmpty() || !words.has('s') && !words.has('d')) {
            throw new PloopException(PloopException.PARAMETER, USAGE);
        }
        List<String> ours = new ArrayList<>();
        for (char letter : "sdFoif".toCharArray()) {
            words.value(letter).ifPresent(value -> ours.addAll(List.of("-" + letter, value)));
        }
        CopyCommand command = new CopyCommand();
        try {
            new CommandLine(command).parseArgs(ours.toArray(new String[0]));
        } catch (CommandLine.ParameterException e) {
            throw new PloopException(PloopException.PARAMETER, String.valueOf(e.getMessage()));
        }
        int exitCode = command.copy(line -> {});
        out.flush();
        return exitCode;
    }
}
