package org.tidemark.appliance.demo;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** The program in the container: replaces files and books transfers, each synced, until its stop file appears. */
public final class DemoLoad {
    private static final long PAUSE_NANOS = 2_000_000;
    private static final long LIMIT_NANOS = 600_000_000_000L;

    private final Path folder;
    private final Path log;
    private final Path stop;
    private final long begun = System.nanoTime();
    private final AtomicReference<@Nullable Exception> failure = new AtomicReference<>();

    /**
     * @param folder in the container's file system
     * @param log outside it
     * @param stop the load ends when this file exists, or after ten minutes
     */
    public DemoLoad(Path folder, Path log, Path stop) {
        this.folder = folder;
        this.log = log;
        this.stop = stop;
    }

    /** Runs to its end; throws what any write threw. */
    public void run() throws Exception {
        Path files = Files.createDirectories(folder.resolve("files"));
        try (LoadLog entries = new LoadLog(log);
                Ledger ledger = Ledger.create(folder.resolve("ledger.db"))) {
            Thread writer = new Thread(() -> guard(() -> writeFiles(files, entries)), "files");
            writer.start();
            guard(() -> book(ledger, entries));
            writer.join();
        }
        Exception failed = failure.get();
        if (failed != null) {
            throw failed;
        }
    }

    @FunctionalInterface
    private interface Body {
        void run() throws IOException, SQLException;
    }

    private void guard(Body body) {
        try {
            body.run();
        } catch (IOException | SQLException | RuntimeException e) {
            failure.compareAndSet(null, e);
        }
    }

    private boolean goesOn() {
        return failure.get() == null && !Files.exists(stop) && System.nanoTime() - begun < LIMIT_NANOS;
    }

    private void writeFiles(Path files, LoadLog entries) throws IOException {
        for (long number = 1; goesOn(); number++) {
            entries.issued(LoadLog.FILES, number);
            LoadFile.write(files, number);
            entries.acknowledged(LoadLog.FILES, number);
            LockSupport.parkNanos(PAUSE_NANOS);
        }
    }

    private void book(Ledger ledger, LoadLog entries) throws IOException, SQLException {
        for (long number = 1; goesOn(); number++) {
            entries.issued(LoadLog.LEDGER, number);
            ledger.transfer(number);
            entries.acknowledged(LoadLog.LEDGER, number);
            LockSupport.parkNanos(PAUSE_NANOS);
        }
    }
}
