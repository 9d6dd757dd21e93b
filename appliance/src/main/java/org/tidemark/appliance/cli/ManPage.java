package org.tidemark.appliance.cli;

import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** The manual page of one command, made of the command itself. */
final class ManPage {
    private static final List<String> EXIT_CODES = List.of(
            "done",
            "failed; the sentence on standard error says why",
            "the command line makes no sense",
            "not found",
            "busy or in conflict",
            "damaged data was found",
            "not permitted",
            "target or appliance not reachable");

    private final CommandSpec spec;
    private final StringBuilder text = new StringBuilder();

    ManPage(CommandSpec spec) {
        this.spec = spec;
    }

    /** For instance {@code tidemark-container-add}. */
    static String name(CommandSpec spec) {
        return spec.qualifiedName("-");
    }

    /** In the language of man's macros. */
    String text() {
        text.append(".TH ")
                .append(escaped(name(spec)).toUpperCase(Locale.ROOT))
                .append(" 1 \"\" \"Tidemark\" \"Tidemark\"\n");
        section("NAME");
        line(escaped(name(spec)) + " \\- " + description());
        synopsis();
        section("DESCRIPTION");
        line(description());
        arguments();
        options();
        commands();
        notes();
        exitCodes();
        seeAlso();
        return text.toString();
    }

    private String description() {
        return escaped(String.join(" ", spec.usageMessage().description()));
    }

    private void section(String title) {
        text.append(".SH ").append(title).append('\n');
    }

    /** A line of text, which must not look like a request. */
    private void line(String words) {
        text.append(words.startsWith(".") || words.startsWith("'") ? "\\&" : "")
                .append(words)
                .append('\n');
    }

    private void item(String term, String words) {
        text.append(".TP\n");
        line(term);
        line(words);
    }

    private void synopsis() {
        section("SYNOPSIS");
        StringBuilder words = new StringBuilder("\\fB" + escaped(spec.qualifiedName()) + "\\fR");
        words.append(" [\\fIOPTIONS\\fR]");
        for (PositionalParamSpec parameter : parameters()) {
            boolean needed = parameter.arity().min() > 0;
            String label = "\\fI" + escaped(parameter.paramLabel()) + "\\fR";
            words.append(' ').append(needed ? label : "[" + label + "]");
        }
        if (!spec.subcommands().isEmpty()) {
            words.append(" \\fICOMMAND\\fR");
        }
        line(words.toString());
    }

    private List<PositionalParamSpec> parameters() {
        return spec.positionalParameters().stream()
                .filter(parameter -> !parameter.hidden())
                .toList();
    }

    private void arguments() {
        if (!parameters().isEmpty()) {
            section("ARGUMENTS");
            for (PositionalParamSpec parameter : parameters()) {
                item("\\fI" + escaped(parameter.paramLabel()) + "\\fR", words(parameter));
            }
        }
    }

    private void options() {
        section("OPTIONS");
        spec.options().stream()
                .filter(option -> !option.hidden())
                .sorted(Comparator.comparing(OptionSpec::longestName))
                .forEach(option -> item(names(option), words(option) + (option.required() ? " Must be given." : "")));
    }

    private static String names(OptionSpec option) {
        StringBuilder names = new StringBuilder();
        for (String name : option.names()) {
            names.append(names.isEmpty() ? "" : ", ")
                    .append("\\fB")
                    .append(escaped(name))
                    .append("\\fR");
        }
        if (option.arity().max() > 0) {
            names.append(" \\fI").append(escaped(option.paramLabel())).append("\\fR");
        }
        return names.toString();
    }

    private static String words(ArgSpec argument) {
        String words = String.join(" ", argument.description());
        return escaped(words.replace("${DEFAULT-VALUE}", String.valueOf(argument.defaultValueString())));
    }

    private void commands() {
        List<CommandSpec> shown = shown();
        if (!shown.isEmpty()) {
            section("COMMANDS");
            for (CommandSpec one : shown) {
                item(
                        "\\fB" + escaped(one.name()) + "\\fR",
                        escaped(String.join(" ", one.usageMessage().description())));
            }
        }
    }

    private List<CommandSpec> shown() {
        return spec.subcommands().values().stream()
                .map(CommandLine::getCommandSpec)
                .filter(one -> !one.usageMessage().hidden())
                .toList();
    }

    private void notes() {
        String[] footer = spec.usageMessage().footer();
        if (footer.length > 0) {
            section("EXAMPLES");
            for (String note : footer) {
                if (!note.isBlank()) {
                    text.append(".PP\n");
                    line(escaped(note));
                }
            }
        }
    }

    private void exitCodes() {
        section("EXIT STATUS");
        for (int code = 0; code < EXIT_CODES.size(); code++) {
            item("\\fB" + code + "\\fR", escaped(EXIT_CODES.get(code)));
        }
    }

    private void seeAlso() {
        CommandSpec parent = spec.parent();
        List<String> pages = new java.util.ArrayList<>();
        if (parent != null) {
            pages.add(name(parent));
        }
        shown().forEach(one -> pages.add(name(one)));
        if (!pages.isEmpty()) {
            section("SEE ALSO");
            line(String.join(
                    ", ",
                    pages.stream()
                            .map(page -> "\\fB" + escaped(page) + "\\fR(1)")
                            .toList()));
        }
    }

    private static String escaped(String words) {
        return words.replace("\\", "\\e").replace("-", "\\-").replace("\n", " ");
    }
}
