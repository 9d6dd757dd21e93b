package org.tidemark.appliance.cli;

import java.io.File;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** A completion script for fish, made of the commands themselves. */
final class FishCompletion {
    private static final String HEAD = String.join(
            "\n",
            "# Completion of tidemark for fish.",
            "",
            "function __tidemark_words",
            "    set -l words (commandline -opc)",
            "    for word in $words[2..-1]",
            "        string match -q -- '-*' $word; or echo $word",
            "    end",
            "end",
            "",
            "# Whether the line begins with these commands.",
            "function __tidemark_in",
            "    set -l words (__tidemark_words)",
            "    test (count $words) -ge (count $argv); or return 1",
            "    test (count $argv) -eq 0; and return 0",
            "    set -l depth (count $argv)",
            "    test \"$words[1..$depth]\" = \"$argv\"",
            "end",
            "",
            "# Whether these commands are all there is yet.",
            "function __tidemark_at",
            "    test (count (__tidemark_words)) -eq (count $argv); and __tidemark_in $argv",
            "end",
            "",
            "complete -c tidemark -f",
            "");

    private final StringBuilder script = new StringBuilder(HEAD);

    private FishCompletion() {}

    static String script(CommandLine all) {
        FishCompletion made = new FishCompletion();
        made.command(all.getCommandSpec(), "");
        return made.script.toString();
    }

    private void command(CommandSpec spec, String path) {
        for (CommandLine sub : List.copyOf(spec.subcommands().values())) {
            CommandSpec one = sub.getCommandSpec();
            if (!one.usageMessage().hidden()) {
                line(
                        "__tidemark_at" + path,
                        " -a " + one.name() + described(one.usageMessage().description()));
                command(one, path + " " + one.name());
            }
        }
        for (OptionSpec option : spec.options()) {
            if (!option.hidden()) {
                line("__tidemark_in" + path, option(option));
            }
        }
        for (PositionalParamSpec parameter : spec.positionalParameters()) {
            String values = values(parameter);
            if (values != null) {
                line("__tidemark_in" + path, values);
            }
        }
    }

    private void line(String condition, String what) {
        script.append("complete -c tidemark -n '")
                .append(condition)
                .append('\'')
                .append(what)
                .append('\n');
    }

    private static String option(OptionSpec option) {
        StringBuilder words = new StringBuilder();
        for (String name : option.names()) {
            words.append(name.startsWith("--") ? " -l " + name.substring(2) : " -s " + name.substring(1));
        }
        if (option.arity().max() > 0) {
            String values = values(option);
            words.append(values == null ? " -x" : " -r" + values);
        }
        return words.append(described(option.description())).toString();
    }

    /** What stands for an argument; null when nobody knows. */
    private static @Nullable String values(ArgSpec argument) {
        Iterable<String> candidates = argument.completionCandidates();
        Iterator<String> words = candidates == null ? List.<String>of().iterator() : candidates.iterator();
        if (!words.hasNext()) {
            Class<?> type = argument.type();
            return type == Path.class || type == File.class ? " -F" : null;
        }
        StringBuilder list = new StringBuilder();
        while (words.hasNext()) {
            String word = words.next();
            list.append(list.isEmpty() ? "" : " ")
                    .append(
                            word.startsWith(Candidates.MARK)
                                    ? "(tidemark complete-names " + word.substring(1) + " 2>/dev/null)"
                                    : word.toLowerCase(java.util.Locale.ROOT));
        }
        return " -f -a '" + list + "'";
    }

    private static String described(String... description) {
        String text = String.join(" ", description).replace("\\", "\\\\").replace("'", "\\'");
        return text.isEmpty() ? "" : " -d '" + text + "'";
    }
}
