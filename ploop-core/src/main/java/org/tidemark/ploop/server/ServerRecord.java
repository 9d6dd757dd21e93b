package org.tidemark.ploop.server;

import java.io.IOException;
import java.nio.file.Files;
import java.util.Optional;
import org.tidemark.ploop.os.Processes;

/** Which process is the device server of a run folder, and the how-manieth. Written by it, read by a new holder. */
record ServerRecord(Processes.Id process, long generation) {
    static Optional<ServerRecord> read(RunFolder run) throws IOException {
        if (!Files.exists(run.serverRecord())) {
            return Optional.empty();
        }
        Fields fields = Fields.parse(Files.readString(run.serverRecord()));
        Processes.Id process = new Processes.Id(fields.number("pid"), fields.number("startTicks"));
        return Optional.of(new ServerRecord(process, fields.number("generation")));
    }

    void write(RunFolder run) throws IOException {
        Fields fields = Fields.of("pid", process.pid(), "startTicks", process.startTicks(), "generation", generation);
        RunFolder.replace(run.serverRecord(), fields.toJson());
    }
}
