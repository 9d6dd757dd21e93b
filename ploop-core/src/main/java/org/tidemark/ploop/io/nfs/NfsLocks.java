package org.tidemark.ploop.io.nfs;

import java.io.Closeable;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.nfs.NfsConnections.Gate;
import org.tidemark.ploop.os.nfs.NfsAttributes;

/** The locks on the files of an export: records beside them. See the package page for the protocol. */
final class NfsLocks implements Gate, Closeable {
    private static final int LOOKS_IN_LEASE = 6;

    private final NfsExport export;
    private final LockRecords records;
    private final List<NfsLock> held = new CopyOnWriteArrayList<>();

    /** Guarded by this. */
    private @Nullable Thread renewing;

    private volatile boolean closed;

    NfsLocks(NfsExport export, OwnerProcesses processes) {
        this.export = export;
        this.records = new LockRecords(export, processes);
    }

    @Override
    public void check() throws IOException {
        for (NfsLock lock : held) {
            lock.demand();
        }
    }

    @Override
    public boolean open() {
        for (NfsLock lock : held) {
            if (!lock.mayWrite()) {
                return false;
            }
        }
        return true;
    }

    /** The series of this process's exclusive lock on a file; 0 when it has none. Waits for nobody. */
    long seriesOf(FileId id) {
        for (NfsLock lock : held) {
            if (lock.series() != 0 && lock.id().equals(id)) {
                return lock.series();
            }
        }
        return 0;
    }

    /** Takes the lock of a file. Throws {@link ImageException} of kind IN_USE when somebody else has it. */
    NfsLock lock(String folder, String element, boolean exclusive) throws IOException {
        String path = NfsExport.join(folder, element);
        NfsAttributes file = export.attributes(path);
        if (!file.regular()) {
            throw new ImageException(ImageException.Kind.NOT_AN_IMAGE, export.name() + path + " is not a file");
        }
        NfsLock lock = new NfsLock(export, records, held::remove, folder, element, FileId.of(file));
        for (NfsLock other : held) {
            // Under another name in another folder: no record would tell.
            if (other.id().equals(lock.id()) && !other.folder().equals(folder) && (exclusive || other.isExclusive())) {
                throw new ImageException(
                        ImageException.Kind.IN_USE,
                        export.name() + path + " is in use by this process as " + other.path());
            }
        }
        if (exclusive) {
            if (!lock.own(true)) {
                throw new IllegalStateException("refused without a reason");
            }
        } else {
            lock.share();
        }
        held.add(lock);
        export.ownNames().sweep(folder);
        startRenewing();
        return lock;
    }

    private synchronized void startRenewing() {
        if (renewing == null && export.clock() == NfsClock.REAL && !closed) {
            Thread thread = new Thread(this::renewForEver, "nfs-lease");
            thread.setDaemon(true);
            renewing = thread;
            thread.start();
        }
    }

    private void renewForEver() {
        Duration look = export.settings().lease().dividedBy(LOOKS_IN_LEASE);
        try {
            while (!closed) {
                export.clock().sleep(look);
                renewDue();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Renews what was not renewed for a third of the lease. */
    void renewDue() {
        for (NfsLock lock : held) {
            for (int i = 0; i <= export.settings().connections() && lock.isDue(); i++) {
                try {
                    lock.renew();
                } catch (IOException e) {
                    // A connection that broke meanwhile, or the server is away: the gate knows when that is too long.
                }
            }
        }
    }

    /** Removes the records of a file that is gone, unless this process has it locked. */
    void forget(String folder, FileId id) {
        for (NfsLock lock : held) {
            if (lock.id().equals(id)) {
                return;
            }
        }
        try {
            for (long number : records.beside(folder, id).owners()) {
                if (!export.removeOwn(LockRecords.ownerPath(folder, id, number))) {
                    return; // The highest goes last, so that no number is used again.
                }
            }
        } catch (IOException e) {
            // They say nothing about any other file.
        }
    }

    /** See {@link NfsImageDirectory#breakLock}. */
    void breakLock(String folder, String element) throws IOException {
        String path = NfsExport.join(folder, element);
        FileId id = FileId.of(export.attributes(path));
        LockRecords.Beside before = records.beside(folder, id);
        List<String> watched = new ArrayList<>(before.readers());
        if (before.highest() > 0) {
            watched.add(LockRecords.ownerPath(folder, id, before.highest()));
        }
        List<LockRecords.Found> first = new ArrayList<>();
        Duration lease = export.settings().lease();
        for (String record : watched) {
            LockRecords.Found found = records.read(record);
            first.add(found);
            if (found != null && found.content().isPresent()) {
                Duration its = Duration.ofSeconds(found.content().get().leaseSeconds());
                lease = its.compareTo(lease) > 0 ? its : lease;
            }
        }
        sleep(lease);
        for (int i = 0; i < watched.size(); i++) {
            LockRecords.Found now = records.read(watched.get(i));
            LockRecords.Found then = first.get(i);
            if (now != null
                    && (then == null
                            || (records.mayBeAlive(now) && !now.content().equals(then.content())))) {
                throw records.inUse(path, now, folder);
            }
        }
        // Held until the end, so that nobody else has it before that.
        NfsLock lock = new NfsLock(export, records, none -> {}, folder, element, id);
        lock.displace(before.highest());
        before.readers().forEach(export::removeOwn);
        // Whoever renewed at the last moment may write for half a lease more, and what it sent may take its time.
        sleep(lease.dividedBy(2)
                .plus(export.settings().requestLimit())
                .plus(export.settings().settleTime()));
        lock.close();
    }

    private void sleep(Duration pause) throws IOException {
        try {
            export.clock().sleep(pause);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException(export.name() + ": interrupted");
        }
    }

    @Override
    public void close() {
        closed = true;
        synchronized (this) {
            if (renewing != null) {
                renewing.interrupt();
            }
        }
    }
}
