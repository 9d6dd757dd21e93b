package org.tidemark.ploop.sim;

import java.util.Map;
import org.tidemark.ploop.sim.CrashPlan.Fate;
import org.tidemark.ploop.sim.PendingOperation.Create;
import org.tidemark.ploop.sim.PendingOperation.Delete;
import org.tidemark.ploop.sim.PendingOperation.Exchange;
import org.tidemark.ploop.sim.PendingOperation.OnFile;
import org.tidemark.ploop.sim.PendingOperation.OnNames;
import org.tidemark.ploop.sim.PendingOperation.Punch;
import org.tidemark.ploop.sim.PendingOperation.Rename;
import org.tidemark.ploop.sim.PendingOperation.Truncate;
import org.tidemark.ploop.sim.PendingOperation.Write;

/** Carries an operation out on the medium, as far as its fate lets it. */
final class Survival {
    private static final int SECTOR_BYTES = SimulatedDisk.SECTOR_BYTES;

    private Survival() {}

    static void apply(OnFile operation, SparseBytes medium, CrashPlan plan) {
        Fate fate = plan.fate(operation);
        if (operation instanceof Truncate truncate) {
            if (fate == Fate.APPLY || fate == Fate.TEAR) {
                medium.truncate(truncate.size());
            }
        } else if (operation instanceof Punch punch) {
            punch(punch, medium, fate, plan);
        } else if (operation instanceof Write write) {
            write(write, medium, fate, plan);
        }
    }

    /** Names as they are after an operation that reached the medium. */
    static void applyNames(OnNames operation, Map<String, Integer> survivors) {
        if (operation instanceof Create create) {
            survivors.put(create.name(), create.fileId());
        } else if (operation instanceof Rename rename) {
            if (Integer.valueOf(rename.fileId()).equals(survivors.get(rename.from()))) {
                survivors.remove(rename.from());
            }
            survivors.put(rename.to(), rename.fileId());
        } else if (operation instanceof Delete delete) {
            survivors.remove(delete.name());
        } else if (operation instanceof Exchange exchange) {
            survivors.put(exchange.name(), exchange.folderId());
            survivors.put(exchange.folder(), exchange.fileId());
        }
    }

    private static void punch(Punch punch, SparseBytes medium, Fate fate, CrashPlan plan) {
        if (fate == Fate.APPLY) {
            medium.punch(punch.position(), punch.length());
        } else if (fate == Fate.TEAR) {
            long end = Math.min(punch.position() + punch.length(), medium.size());
            for (long at = punch.position(); at < end; at = nextSector(at)) {
                if (plan.sectorSurvives()) {
                    medium.punch(at, Math.min(nextSector(at), end) - at);
                }
            }
        }
    }

    private static void write(Write write, SparseBytes medium, Fate fate, CrashPlan plan) {
        long end = write.position() + write.bytes().length;
        switch (fate) {
            case DROP -> {}
            case APPLY -> medium.write(write.position(), write.bytes(), 0, write.bytes().length);
            case TEAR -> {
                for (long at = write.position(); at < end; at = nextSector(at)) {
                    if (plan.sectorSurvives()) {
                        int offset = (int) (at - write.position());
                        medium.write(at, write.bytes(), offset, (int) (Math.min(nextSector(at), end) - at));
                    }
                }
            }
            case GARBAGE -> {
                byte[] sector = new byte[SECTOR_BYTES];
                long from = Math.max(write.position(), medium.size());
                for (long at = from; at < end; at = nextSector(at)) {
                    plan.fillGarbage(sector);
                    medium.write(at, sector, 0, (int) (Math.min(nextSector(at), end) - at));
                }
            }
        }
    }

    private static long nextSector(long at) {
        return (at / SECTOR_BYTES + 1) * SECTOR_BYTES;
    }
}
