package org.tidemark.appliance.cli;

import java.util.concurrent.Callable;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code tidemark completion}: what a shell needs to complete words, and names that the appliance knows. */
@Command(
        name = "completion",
        description = "Print a script that completes commands, options and names in a shell.",
        mixinStandardHelpOptions = true,
        footer = {
            "",
            "bash: tidemark completion bash > /etc/bash_completion.d/tidemark",
            "zsh:  source <(tidemark completion zsh)",
            "fish: tidemark completion fish > ~/.config/fish/completions/tidemark.fish"
        })
final class CompletionCommand implements Callable<Integer> {
    private static final String BEGIN = "if [ -n \"$BASH_VERSION\" ]; then";
    private static final String OPTIONS = "  options=(\"$@\")\n";
    /** Asks the appliance only when names are wanted; a marker stands for them until then. */
    private static final String EXPANDED = String.join(
            "\n",
            "  options=()",
            "  local option",
            "  for option in \"$@\"; do",
            "    case $option in",
            "      " + Candidates.MARK + "*) options+=($(tidemark complete-names \"${option#" + Candidates.MARK
                    + "}\" 2>/dev/null)) ;;",
            "      *) options+=(\"$option\") ;;",
            "    esac",
            "  done",
            "");

    /** Shells. */
    enum Shell {
        BASH,
        ZSH,
        FISH
    }

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Parameters(paramLabel = "SHELL", description = "bash, zsh or fish.")
    private Shell shell = Shell.BASH;

    @Override
    public Integer call() {
        CommandLine all = Tidemark.commandLine();
        spec.commandLine().getOut().print(shell == Shell.FISH ? FishCompletion.script(all) : script(all));
        spec.commandLine().getOut().flush();
        return ExitCodes.DONE;
    }

    /** One script for both: zsh has bash's completion as a module. */
    private static String script(CommandLine all) {
        String made = AutoComplete.bash("tidemark", all).replace("\r\n", "\n");
        if (!made.contains(BEGIN) || !made.contains(OPTIONS)) {
            throw new IllegalStateException("the completion script has another form than expected");
        }
        return "# Completion of tidemark for bash and zsh.\n\n"
                + made.substring(made.indexOf(BEGIN)).replace(OPTIONS, EXPANDED);
    }
}
