package org.tidemark.appliance.cli;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.client.Answer;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** What a command prints: a table for people, or JSON for programs. Mixed into every command. */
final class Output {
    @Option(names = "--json", description = "Print JSON instead of text.")
    private boolean json;

    @Spec(Spec.Target.MIXEE)
    private @Nullable CommandSpec spec;

    boolean isJson() {
        return json;
    }

    private PrintWriter out() {
        CommandSpec known = spec;
        return known == null
                ? new PrintWriter(System.out, true, java.nio.charset.StandardCharsets.UTF_8)
                : known.commandLine().getOut();
    }

    /** A line for people; nothing in JSON. */
    void say(String line) {
        if (!json) {
            out().println(line);
            out().flush();
        }
    }

    /** One object: as it is in JSON, a line for each field for people. */
    void object(Map<String, ? extends @Nullable Object> fields) throws IOException {
        if (json) {
            out().println(JSON.std.asString(fields));
        } else {
            int width = fields.keySet().stream().mapToInt(String::length).max().orElse(0);
            fields.forEach((name, value) -> out().println(pad(name, width) + "  " + value));
        }
        out().flush();
    }

    /** What the appliance answered: as it came in JSON, chosen fields for people. */
    void answer(Answer answer, Map<String, ? extends @Nullable Object> shown) throws IOException {
        object(json ? answer.fields() : shown);
    }

    /** The same for a list. */
    void answers(List<Answer> answers, Function<Answer, Map<String, @Nullable Object>> row, String none)
            throws IOException {
        List<Map<String, @Nullable Object>> rows = new ArrayList<>();
        for (Answer answer : answers) {
            rows.add(json ? answer.fields() : row.apply(answer));
        }
        rows(rows, none);
    }

    /** Rows with the same fields. */
    void rows(List<? extends Map<String, ? extends @Nullable Object>> rows, String none) throws IOException {
        if (json) {
            out().println(JSON.std.asString(rows));
        } else if (rows.isEmpty()) {
            out().println(none);
        } else {
            table(rows);
        }
        out().flush();
    }

    private void table(List<? extends Map<String, ? extends @Nullable Object>> rows) {
        List<String> names = new ArrayList<>(rows.get(0).keySet());
        int[] widths = new int[names.size()];
        for (int i = 0; i < widths.length; i++) {
            widths[i] = names.get(i).length();
            for (Map<String, ? extends @Nullable Object> row : rows) {
                widths[i] = Math.max(
                        widths[i], String.valueOf(row.get(names.get(i))).length());
            }
        }
        StringBuilder header = new StringBuilder();
        for (int i = 0; i < widths.length; i++) {
            header.append(pad(names.get(i), widths[i])).append("  ");
        }
        out().println(header.toString().stripTrailing());
        for (Map<String, ? extends @Nullable Object> row : rows) {
            StringBuilder line = new StringBuilder();
            for (int i = 0; i < widths.length; i++) {
                Object value = row.get(names.get(i));
                String text = value == null ? "-" : value.toString();
                line.append(value instanceof Number ? padLeft(text, widths[i]) : pad(text, widths[i]));
                line.append("  ");
            }
            out().println(line.toString().stripTrailing());
        }
    }

    private static String pad(String text, int width) {
        return text + " ".repeat(Math.max(0, width - text.length()));
    }

    private static String padLeft(String text, int width) {
        return " ".repeat(Math.max(0, width - text.length())) + text;
    }

    /** Fields in the order given: name, value, name, value... */
    static Map<String, @Nullable Object> fields(@Nullable Object... namesAndValues) {
        Map<String, @Nullable Object> map = new LinkedHashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            map.put(String.valueOf(namesAndValues[i]), namesAndValues[i + 1]);
        }
        return map;
    }
}
