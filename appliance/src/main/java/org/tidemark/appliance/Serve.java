package org.tidemark.appliance;

import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.annotations.QuarkusMain;
import java.sql.SQLException;
import org.tidemark.appliance.config.ServeOptions;
import org.tidemark.appliance.config.Startup;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;
import picocli.CommandLine;

/** {@code tidemark serve}: checks what must hold before anything runs, then starts the appliance. */
@QuarkusMain
public final class Serve {
    /** What H2 says when its file is locked. */
    private static final int DATABASE_ALREADY_OPEN = 90_020;

    private Serve() {}

    public static void main(String[] arguments) {
        ServeOptions options = new ServeOptions();
        CommandLine line = new CommandLine(options);
        try {
            line.parseArgs(arguments);
        } catch (CommandLine.ParameterException e) {
            System.err.println("tidemark: " + e.getMessage());
            line.usage(System.err);
            System.exit(FailureKind.USAGE.exitCode());
        }
        if (line.isUsageHelpRequested()) {
            line.usage(System.out);
            return;
        }
        try {
            Startup.prepare(options, System.getenv());
        } catch (Exception e) {
            System.err.println("tidemark: " + FailureKind.words(e));
            System.exit(FailureKind.of(e).exitCode());
        }
        Quarkus.run(ServingAppliance.class, Serve::ended);
    }

    private static void ended(int exitCode, Throwable failure) {
        if (failure != null) {
            Throwable root = failure;
            while (root.getCause() != null && root.getCause() != root) {
                root = root.getCause();
                if (root instanceof ApplianceException known) {
                    System.err.println("tidemark: the appliance could not start: " + known.getMessage());
                    System.exit(known.kind().exitCode());
                }
                if (root instanceof SQLException sql && sql.getErrorCode() == DATABASE_ALREADY_OPEN) {
                    System.err.println("tidemark: another program has the catalogue in the state folder "
                            + System.getProperty("tidemark.state") + " open; close it and start again");
                    System.exit(FailureKind.CONFLICT.exitCode());
                }
            }
            System.err.println("tidemark: the appliance could not start: " + FailureKind.words(root));
            System.exit(FailureKind.FAILED.exitCode());
        }
        System.exit(exitCode);
    }
}
