package org.tidemark.appliance.demo;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Holds a restored file system against the log of the load. */
public final class LoadProof {
    private final long freezeBegun;
    private final long thawed;
    private final List<LoadLog.Entry> log;
    private final List<String> violations = new ArrayList<>();
    private int filesChecked;
    private long entriesChecked;

    private LoadProof(long freezeBegun, long thawed, List<LoadLog.Entry> log) {
        this.freezeBegun = freezeBegun;
        this.thawed = thawed;
        this.log = log;
    }

    /**
     * What was checked.
     *
     * @param violations empty when the proof holds
     */
    public record Result(int files, long entries, List<String> violations) {
        public boolean holds() {
            return violations.isEmpty();
        }
    }

    /**
     * Checks a restored file system.
     *
     * @param folder the load's folder in it; the database is opened there, so it must be writable
     * @param log the load's log
     * @param freezeBegun {@code System.nanoTime()} before the freeze of the point
     * @param thawed the same after its thaw
     */
    public static Result check(Path folder, Path log, long freezeBegun, long thawed) throws IOException {
        LoadProof proof = new LoadProof(freezeBegun, thawed, LoadLog.read(log));
        proof.checkFiles(folder.resolve("files"));
        proof.checkLedger(folder.resolve("ledger.db"));
        return new Result(proof.filesChecked, proof.entriesChecked, List.copyOf(proof.violations));
    }

    /** The greatest number that must be there: acknowledged before the freeze began. */
    private long mustHave(String stream) {
        return log.stream()
                .filter(e -> e.acknowledged() && e.stream().equals(stream) && e.nanoTime() < freezeBegun)
                .mapToLong(LoadLog.Entry::number)
                .max()
                .orElse(0);
    }

    /** The greatest number that may be there: issued before the thaw was over. */
    private long mayHave(String stream) {
        return log.stream()
                .filter(e -> !e.acknowledged() && e.stream().equals(stream) && e.nanoTime() <= thawed)
                .mapToLong(LoadLog.Entry::number)
                .max()
                .orElse(0);
    }

    private void checkFiles(Path folder) {
        long must = mustHave(LoadLog.FILES);
        long may = mayHave(LoadLog.FILES);
        Map<String, Long> newest = new HashMap<>();
        for (long number = Math.max(1, must - LoadFile.NAMES + 1); number <= must; number++) {
            newest.put(LoadFile.name(number), number);
        }
        newest.forEach((name, least) -> {
            Path file = folder.resolve(name);
            try {
                long found = LoadFile.read(file);
                if (found < least) {
                    violations.add(name + " is version " + found + ", but version " + least
                            + " was acknowledged before the freeze");
                } else if (found > may) {
                    violations.add(name + " is version " + found + ", which was issued after the thaw");
                }
            } catch (IOException | RuntimeException e) {
                violations.add(name + ": " + e.getMessage());
            }
            filesChecked++;
        });
    }

    private void checkLedger(Path database) {
        long must = mustHave(LoadLog.LEDGER);
        long may = mayHave(LoadLog.LEDGER);
        if (!Files.exists(database)) {
            if (must > 0) {
                violations.add(
                        "the database is not there, but transfer " + must + " was acknowledged before the freeze");
            }
            return;
        }
        try (Ledger ledger = Ledger.open(database)) {
            String integrity = ledger.integrity();
            if (!integrity.equals("ok")) {
                violations.add("the database says of itself: "
                        + integrity.lines().findFirst().orElse(""));
            }
            long last = ledger.last();
            entriesChecked = ledger.count();
            if (last < must) {
                violations.add(
                        "the last transfer is " + last + ", but " + must + " was acknowledged before the freeze");
            }
            if (last > may) {
                violations.add("transfer " + last + " is there, which was issued after the thaw");
            }
            if (entriesChecked != last) {
                violations.add("of " + last + " transfers " + entriesChecked + " are there");
            }
            long wrong = ledger.wrongSums();
            if (wrong != 0) {
                violations.add("the sums do not agree (" + wrong + ")");
            }
        } catch (SQLException e) {
            violations.add("the database does not open: " + e.getMessage());
        }
    }
}
