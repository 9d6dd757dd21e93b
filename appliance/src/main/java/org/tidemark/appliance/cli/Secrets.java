package org.tidemark.appliance.cli;

import java.io.Console;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;

/** Secrets come from a file or from the terminal: on a command line everybody on the host could read them. */
final class Secrets {
    private Secrets() {}

    /** First line of a file, or what is typed twice at the terminal. */
    static String password(@Nullable Path file, String what) throws IOException {
        if (file != null) {
            return ofFile(file);
        }
        String typed = ask(what + ": ", "--password-file");
        if (!typed.equals(ask("once more: ", "--password-file"))) {
            throw ApplianceException.usage("what was typed differs; nothing was changed");
        }
        return typed;
    }

    static String ofFile(Path file) throws IOException {
        try {
            return Files.readString(file).lines().findFirst().orElse("");
        } catch (FileSystemException e) {
            throw new ApplianceException(FailureKind.of(e), "the secret cannot be read: " + FailureKind.words(e), e);
        }
    }

    /** Without an echo. */
    static String ask(String prompt, String instead) throws ApplianceException {
        Console console = System.console();
        if (console == null) {
            throw ApplianceException.usage("there is no terminal to ask at; use " + instead);
        }
        char[] typed = console.readPassword("%s", prompt);
        if (typed == null || typed.length == 0) {
            throw ApplianceException.usage("nothing was typed; nothing was changed");
        }
        String secret = new String(typed);
        Arrays.fill(typed, ' ');
        return secret;
    }

    /** With an echo. */
    static String askOpenly(String prompt, String instead) throws ApplianceException {
        Console console = System.console();
        if (console == null) {
            throw ApplianceException.usage("there is no terminal to ask at; use " + instead);
        }
        String line = console.readLine("%s", prompt);
        return line == null ? "" : line.strip();
    }
}
