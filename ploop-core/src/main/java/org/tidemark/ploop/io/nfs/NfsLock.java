package org.tidemark.ploop.io.nfs;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.time.Duration;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.io.ImageDirectory.ImageLock;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.nfs.NfsConnections.Gate;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.OsException;
import org.tidemark.ploop.os.nfs.NfsAttributes;
import org.tidemark.ploop.os.nfs.NfsHandle;
import org.tidemark.ploop.os.nfs.NfsLostException;

/** One lock of this process. Safe for several threads. */
final class NfsLock implements ImageLock {
    private static final int ROUNDS = 4;
    private static final int RENEWALS_IN_LEASE = 3;

    private final NfsExport export;
    private final LockRecords records;
    private final Consumer<NfsLock> closed;
    private final String folder;
    private final String element;
    private final FileId id;

    /** Changed under the monitor, as all below; read without it by {@link #mayWrite}. 0: it is shared. */
    private volatile long number;

    private volatile long series;
    private @Nullable String recordPath;
    private @Nullable NfsHandle handle;
    private @Nullable LockRecord content;
    private volatile long renewedNanos;
    private volatile @Nullable String lost;
    private boolean released;
    private boolean refused;
    private long refusedSinceNanos;

    /** Is no lock yet. {@code closed} is told when it is none any more. */
    NfsLock(NfsExport export, LockRecords records, Consumer<NfsLock> closed, String folder, String element, FileId id) {
        this.export = export;
        this.records = records;
        this.closed = closed;
        this.folder = folder;
        this.element = element;
        this.id = id;
    }

    FileId id() {
        return id;
    }

    String folder() {
        return folder;
    }

    String path() {
        return NfsExport.join(folder, element);
    }

    /** Becomes the owner. With {@code throwing}, throws IN_USE when that cannot be; else false when there are readers. */
    synchronized boolean own(boolean throwing) throws IOException {
        for (int round = 0; round < ROUNDS; round++) {
            LockRecords.Beside before = records.beside(folder, id);
            long highest = before.highest();
            LockRecords.Found last = highest == 0 ? null : records.read(LockRecords.ownerPath(folder, id, highest));
            if (highest > 0 && last == null) {
                continue;
            }
            if (last != null && records.mayBeAlive(last)) {
                throw records.inUse(path(), last, folder);
            }
            long mine = highest + 1;
            String minePath = LockRecords.ownerPath(folder, id, mine);
            LockRecord record = records.ofThisProcess(true, element, seriesAfter(last));
            long startNanos = export.clock().nanoTime();
            NfsHandle made;
            try {
                made = records.make(folder, minePath, record);
            } catch (FileAlreadyExistsException e) {
                continue;
            }
            boolean taken = false;
            try {
                LockRecords.Beside after = records.beside(folder, id);
                if (after.highest() > mine) {
                    export.removeOwn(minePath); // Somebody who was slower in looking and faster in writing.
                    taken = true;
                    continue;
                }
                removeBelow(mine, after);
                for (String reader : after.readers()) {
                    LockRecords.Found found = reader.equals(recordPath) ? null : records.read(reader);
                    if (found != null && records.mayBeAlive(found)) {
                        if (throwing) {
                            throw records.inUse(path(), found, folder);
                        }
                        return false;
                    }
                    if (found != null) {
                        export.removeOwn(reader);
                    }
                }
                String shared = recordPath;
                become(mine, minePath, made, record, startNanos);
                taken = true;
                if (shared != null) {
                    export.removeOwn(shared);
                }
                return true;
            } finally {
                if (!taken) {
                    letGo(made, minePath, record);
                }
            }
        }
        throw new ImageException(
                ImageException.Kind.IN_USE,
                export.name() + path() + " is being locked by somebody else just now; try again");
    }

    /**
     * The series of the owner after {@code last}: goes on when the kept memory of this process holds what was written under
     * {@code last}. Since numbers follow each other nobody has written to the file between the two.
     */
    private long seriesAfter(LockRecords.@Nullable Found last) throws IOException {
        long kept = UncommittedLog.seriesOf(
                export.memory(), NfsFile.regionOf(id), export.settings().keptBytes());
        boolean goesOn = kept != 0
                && last != null
                && last.content().isPresent()
                && last.content().get().series() == kept;
        return goesOn ? kept : export.freshSeries();
    }

    /** Oldest first, and none before all below it are gone: see {@link #renew}. */
    private void removeBelow(long mine, LockRecords.Beside found) {
        for (long old : found.owners()) {
            if (old < mine && !export.removeOwn(LockRecords.ownerPath(folder, id, old))) {
                return; // The next owner removes it.
            }
        }
    }

    /** Takes the place of owner {@code highest}, dead or alive. Throws IN_USE when somebody else has done so. */
    synchronized void displace(long highest) throws IOException {
        long mine = highest + 1;
        String minePath = LockRecords.ownerPath(folder, id, mine);
        LockRecord record = records.ofThisProcess(true, element, export.freshSeries());
        long startNanos = export.clock().nanoTime();
        try {
            NfsHandle made = records.make(folder, minePath, record);
            LockRecords.Beside after = records.beside(folder, id);
            if (after.highest() == mine) {
                removeBelow(mine, after);
                become(mine, minePath, made, record, startNanos);
                return;
            }
            export.removeOwn(minePath);
        } catch (FileAlreadyExistsException e) {
            // As when a later one is there already.
        }
        throw new ImageException(
                ImageException.Kind.IN_USE, export.name() + path() + " was locked by somebody else meanwhile");
    }

    /** Becomes a reader. */
    synchronized void share() throws IOException {
        String readerPath = records.readerPath(folder, id);
        LockRecord record = records.ofThisProcess(true, element, 0);
        long startNanos = export.clock().nanoTime();
        NfsHandle made = records.make(folder, readerPath, record);
        boolean taken = false;
        try {
            long highest = records.beside(folder, id).highest();
            LockRecords.Found owner =
                    highest == 0 || highest == number ? null : records.read(LockRecords.ownerPath(folder, id, highest));
            if (owner != null && records.mayBeAlive(owner)) {
                throw records.inUse(path(), owner, folder);
            }
            become(0, readerPath, made, record, startNanos);
            taken = true;
        } finally {
            if (!taken) {
                export.removeOwn(readerPath);
            }
        }
    }

    private void become(long mine, String minePath, NfsHandle made, LockRecord record, long startNanos) {
        series = record.series();
        number = mine;
        recordPath = minePath;
        handle = made;
        content = record;
        renewedNanos = startNanos;
    }

    @Override
    public int descriptor() {
        return -1;
    }

    @Override
    public synchronized boolean convert(boolean exclusive) throws IOException {
        if (exclusive == (number != 0)) {
            return true;
        }
        if (exclusive) {
            return own(false);
        }
        NfsHandle owned = handle;
        String ownedPath = recordPath;
        LockRecord record = content;
        share();
        letGo(owned, ownedPath, record);
        return true;
    }

    /** The number of this lock among all exclusive ones of the file there ever were; 0 when it is shared. */
    synchronized long generation() {
        return number;
    }

    /** Under which series of locks this one is held; 0 when it is shared. Waits for nobody. */
    long series() {
        return series;
    }

    /** What its record is called. */
    synchronized String recordName() {
        String where = String.valueOf(recordPath);
        return where.substring(where.lastIndexOf('/') + 1);
    }

    synchronized boolean isExclusive() {
        return number != 0;
    }

    synchronized boolean isDue() {
        return !released
                && lost == null
                && export.clock().nanoTime() - renewedNanos
                        >= export.settings().lease().toNanos() / RENEWALS_IN_LEASE;
    }

    /** Waits for nobody: whoever asks may have the connection that a renewal waits for. */
    boolean mayWrite() {
        return number == 0
                || (lost == null
                        && export.clock().nanoTime() - renewedNanos
                                < export.settings().lease().toNanos() / 2);
    }

    /** Throws unless it may write, after having tried to renew. */
    synchronized void demand() throws IOException {
        if (!mayWrite()) {
            requireNotLost();
            renew();
            requireNotLost();
        }
    }

    private void requireNotLost() throws ImageException {
        String why = lost;
        if (why != null) {
            throw new ImageException(ImageException.Kind.SUSPECT, why);
        }
    }

    /** Asks the server once. */
    synchronized void renew() throws IOException {
        LockRecord was = content;
        NfsHandle file = handle;
        String where = recordPath;
        if (released || lost != null || was == null || file == null || where == null) {
            return;
        }
        LockRecord renewed = was.renewed();
        long startNanos = export.clock().nanoTime();
        try {
            boolean still = export.connections().callOnce(Gate.OPEN, (link, again) -> {
                link.client().write(file, 0, renewed.encoded(), true);
                // In this order: a successor's record is there before ours is removed, and goes after ours.
                boolean succeeded = number != 0 && there(link, LockRecords.ownerPath(folder, id, number + 1)) != null;
                NfsAttributes ours = there(link, where);
                return !succeeded && ours != null && ours.sameFile(link.client().attributes(file));
            });
            content = renewed;
            refused = false;
            if (still) {
                renewedNanos = startNanos;
            } else {
                lost = export.name() + path()
                        + ": its lock was broken, and perhaps taken by another host; this host"
                        + " writes nothing more to it";
            }
        } catch (OsException e) {
            if (e.errno() == Errno.ESTALE || e.errno() == Errno.ENOENT) {
                lost = export.name() + path()
                        + ": the record of its lock is gone, so another host may have it; this"
                        + " host writes nothing more to it (" + e.getMessage() + ")";
            } else {
                refusedWith(e);
            }
        }
    }

    /** The server answers, but does not let the owner write its record: not for ever. */
    private void refusedWith(OsException e) throws NfsLostException {
        long now = export.clock().nanoTime();
        if (!refused) {
            refused = true;
            refusedSinceNanos = now;
        }
        String why = "the lock cannot be renewed: " + e.getMessage();
        if (now - refusedSinceNanos > export.settings().patience().toNanos()) {
            lost = export.name() + path() + ": " + why + "; this host writes nothing more to it";
        }
        throw new NfsLostException(why);
    }

    private @Nullable NfsAttributes there(NfsConnections.Link link, String where) throws IOException {
        try {
            return link.client().attributes(where);
        } catch (OsException e) {
            if (e.errno() == Errno.ENOENT) {
                return null;
            }
            throw e;
        }
    }

    /** The highest record stays, so that numbers are not used again; a reader's goes. */
    private void letGo(@Nullable NfsHandle file, @Nullable String where, @Nullable LockRecord record) {
        if (file == null || where == null || record == null) {
            return;
        }
        long endNanos =
                export.clock().nanoTime() + export.settings().requestLimit().toNanos();
        try {
            while (export.clock().nanoTime() - endNanos < 0) {
                try {
                    export.connections().callOnce(Gate.OPEN, (link, again) -> link.client()
                            .write(file, 0, record.released().encoded(), true));
                    return;
                } catch (NfsLostException e) {
                    // Each connection may be one that broke while it was idle.
                    export.clock().sleep(Duration.ofMillis(50));
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException e) {
            // When this process has ended, anybody on this host takes it over.
        }
    }

    @Override
    public synchronized void close() {
        if (released) {
            return;
        }
        released = true;
        closed.accept(this);
        String where = recordPath;
        if (number != 0) {
            letGo(handle, where, content);
        } else if (where != null) {
            export.removeOwn(where);
        }
    }
}
