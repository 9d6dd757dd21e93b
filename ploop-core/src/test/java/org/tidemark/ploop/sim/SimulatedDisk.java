package org.tidemark.ploop.sim;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.OsException;
import org.tidemark.ploop.sim.FaultPlan.Kind;
import org.tidemark.ploop.sim.PendingOperation.Create;
import org.tidemark.ploop.sim.PendingOperation.Delete;
import org.tidemark.ploop.sim.PendingOperation.OnFile;
import org.tidemark.ploop.sim.PendingOperation.OnNames;
import org.tidemark.ploop.sim.PendingOperation.Punch;
import org.tidemark.ploop.sim.PendingOperation.Rename;
import org.tidemark.ploop.sim.PendingOperation.Truncate;
import org.tidemark.ploop.sim.PendingOperation.Write;

/** One folder in memory; see the package's essay. Safe for use by several threads. */
public final class SimulatedDisk implements ImageDirectory {
    static final int SECTOR_BYTES = 512;

    private final FaultPlan faults = new FaultPlan();

    // All of the following is guarded by this object.
    private final Map<Integer, SimulatedFile> files = new TreeMap<>();
    private final Map<String, SimulatedFile> names = new TreeMap<>();
    private final Map<String, SimulatedFile> durableNames = new TreeMap<>();
    private final List<PendingOperation> pending = new ArrayList<>();
    private long limitPages = Long.MAX_VALUE;
    private int nextId;

    /** What fails. */
    public FaultPlan faults() {
        return faults;
    }

    /** The space there is, in all files together, counted in pages of 4 KiB that were written to. */
    public synchronized void limitBytes(long bytes) {
        limitPages = bytes / SparseBytes.PAGE_BYTES;
    }

    /** Space in use. */
    public synchronized long usedBytes() {
        return usedPages() * SparseBytes.PAGE_BYTES;
    }

    private long usedPages() {
        return names.values().stream()
                .distinct()
                .mapToLong(file -> file.visible.pageCount())
                .sum();
    }

    /** What is visible and not durable, oldest first. */
    public synchronized List<PendingOperation> pending() {
        return List.copyOf(pending);
    }

    /** The same files, all durable, as a disk of its own; not a crash. */
    public synchronized SimulatedDisk twin() {
        return after(CrashPlan.applyAll());
    }

    /** The machine after a crash at this moment, anything random. This disk is not changed and can go on. */
    public SimulatedDisk crash(Random random) {
        return crash(CrashPlan.random(random));
    }

    /** The machine after a crash at this moment: no locks, no faults, everything durable that is there. */
    public synchronized SimulatedDisk crash(CrashPlan plan) {
        CrashCount.one();
        return after(plan);
    }

    private SimulatedDisk after(CrashPlan plan) {
        SimulatedDisk after = new SimulatedDisk();
        after.limitPages = limitPages;
        after.nextId = nextId;
        Map<Integer, SparseBytes> contents = new TreeMap<>();
        files.forEach((id, file) -> contents.put(id, file.durable.copy()));
        Map<String, Integer> survivors = new TreeMap<>();
        durableNames.forEach((name, file) -> survivors.put(name, file.id));
        for (PendingOperation operation : pending) {
            if (operation instanceof OnFile onFile) {
                Survival.apply(onFile, contents.get(onFile.fileId()), plan);
            } else {
                CrashPlan.Fate fate = plan.fate(operation);
                if (fate == CrashPlan.Fate.APPLY || fate == CrashPlan.Fate.TEAR) {
                    applyNames((OnNames) operation, survivors);
                }
            }
        }
        survivors.forEach((name, id) -> {
            SimulatedFile file = after.files.computeIfAbsent(
                    id,
                    key -> new SimulatedFile(
                            id, contents.get(id), contents.get(id).copy()));
            after.names.put(name, file);
            after.durableNames.put(name, file);
        });
        return after;
    }

    private static void applyNames(OnNames operation, Map<String, Integer> survivors) {
        if (operation instanceof Create create) {
            survivors.put(create.name(), create.fileId());
        } else if (operation instanceof Rename rename) {
            if (Integer.valueOf(rename.fileId()).equals(survivors.get(rename.from()))) {
                survivors.remove(rename.from());
            }
            survivors.put(rename.to(), rename.fileId());
        } else if (operation instanceof Delete delete) {
            survivors.remove(delete.name());
        }
    }

    @Override
    public String name() {
        return "simulated";
    }

    @Override
    public synchronized ImageIo open(String name, OpenMode mode) throws IOException {
        requireName(name);
        faults.check(Kind.OPEN, name, 0, 0);
        return new SimulatedImageIo(this, require(name), name, mode == OpenMode.READ_WRITE);
    }

    @Override
    public synchronized ImageIo create(String name) throws IOException {
        requireName(name);
        faults.check(Kind.CREATE, name, 0, 0);
        if (names.containsKey(name)) {
            throw new FileAlreadyExistsException(name);
        }
        SimulatedFile file = new SimulatedFile(nextId++);
        files.put(file.id, file);
        names.put(name, file);
        pending.add(new Create(file.id, name));
        return new SimulatedImageIo(this, file, name, true);
    }

    @Override
    public synchronized boolean exists(String name) {
        requireName(name);
        return names.containsKey(name);
    }

    @Override
    public synchronized void rename(String from, String to) throws IOException {
        requireName(from);
        requireName(to);
        faults.check(Kind.RENAME, from, 0, 0);
        SimulatedFile file = require(from);
        names.remove(from);
        names.put(to, file);
        pending.add(new Rename(file.id, from, to));
    }

    @Override
    public synchronized void delete(String name) throws IOException {
        requireName(name);
        faults.check(Kind.DELETE, name, 0, 0);
        require(name);
        names.remove(name);
        pending.add(new Delete(name));
    }

    /** There is no clock here: size and a checksum over what is visible. */
    @Override
    public synchronized String fingerprint(String name) throws IOException {
        requireName(name);
        faults.check(Kind.OPEN, name, 0, 0);
        SimulatedFile file = require(name);
        faults.check(Kind.READ, name, 0, file.visible.size());
        return Long.toHexString(file.visible.size()) + ":" + Long.toHexString(file.visible.checksum());
    }

    @Override
    public synchronized int names(String name) throws IOException {
        requireName(name);
        SimulatedFile file = require(name);
        return (int) names.values().stream().filter(one -> one == file).count();
    }

    /** There is one folder on a disk. */
    @Override
    public synchronized void link(String name, ImageDirectory folder, String newName) throws IOException {
        requireName(name);
        requireName(newName);
        if (folder != this) {
            throw new ImageException(ImageException.Kind.UNSUPPORTED, folder.name() + " lies elsewhere");
        }
        faults.check(Kind.CREATE, newName, 0, 0);
        if (names.containsKey(newName)) {
            throw new FileAlreadyExistsException(newName);
        }
        SimulatedFile file = require(name);
        names.put(newName, file);
        pending.add(new Create(file.id, newName));
    }

    @Override
    public synchronized List<String> list() {
        return new ArrayList<>(names.keySet());
    }

    @Override
    public synchronized ImageLock lock(String name, boolean exclusive) throws IOException {
        requireName(name);
        SimulatedFile file = require(name);
        if (file.exclusivelyLocked || (exclusive && file.sharedLocks > 0)) {
            throw new ImageException(ImageException.Kind.IN_USE, name + " is in use");
        }
        if (exclusive) {
            file.exclusivelyLocked = true;
        } else {
            file.sharedLocks++;
        }
        return new SimulatedLock(file, exclusive);
    }

    private final class SimulatedLock implements ImageLock {
        private final SimulatedFile file;
        private boolean exclusive;
        private boolean closed;

        SimulatedLock(SimulatedFile file, boolean exclusive) {
            this.file = file;
            this.exclusive = exclusive;
        }

        @Override
        public int descriptor() {
            return -1;
        }

        @Override
        public boolean convert(boolean wanted) {
            synchronized (SimulatedDisk.this) {
                if (wanted == exclusive) {
                    return true;
                }
                if (wanted && file.sharedLocks > 1) {
                    return false;
                }
                exclusive = wanted;
                file.exclusivelyLocked = wanted;
                file.sharedLocks += wanted ? -1 : 1;
                return true;
            }
        }

        @Override
        public void close() {
            synchronized (SimulatedDisk.this) {
                if (!closed) {
                    closed = true;
                    file.exclusivelyLocked = file.exclusivelyLocked && !exclusive;
                    file.sharedLocks -= exclusive ? 0 : 1;
                }
            }
        }
    }

    @Override
    public synchronized void sync() throws IOException {
        faults.check(Kind.SYNC, name(), 0, 0);
        pending.removeIf(operation -> operation instanceof OnNames);
        durableNames.clear();
        durableNames.putAll(names);
    }

    private SimulatedFile require(String name) throws NoSuchFileException {
        SimulatedFile file = names.get(name);
        if (file == null) {
            throw new NoSuchFileException(name);
        }
        return file;
    }

    private static void requireName(String name) {
        if (name.isEmpty()
                || name.indexOf('/') >= 0
                || name.indexOf('\0') >= 0
                || name.equals(".")
                || name.equals("..")) {
            throw new IllegalArgumentException("not the name of a file: '" + name + "'");
        }
    }

    // What SimulatedImageIo asks for.

    synchronized long size(SimulatedFile file) {
        return file.visible.size();
    }

    synchronized void read(SimulatedFile file, String name, long position, AlignedBuffer dst, int dstOffset, int length)
            throws IOException {
        faults.check(Kind.READ, name, position, length);
        file.visible.read(position, dst, dstOffset, length);
    }

    synchronized void write(SimulatedFile file, String name, long position, byte[] bytes) throws IOException {
        requireSound(file, name);
        faults.check(Kind.WRITE, name, position, bytes.length);
        if (limitPages != Long.MAX_VALUE && usedPages() + file.visible.newPages(position, bytes.length) > limitPages) {
            throw new OsException("simulated write at " + position, name, Errno.ENOSPC);
        }
        file.visible.write(position, bytes, 0, bytes.length);
        pending.add(new Write(file.id, name, position, bytes));
    }

    synchronized void punch(SimulatedFile file, String name, long position, long length) throws IOException {
        requireSound(file, name);
        faults.check(Kind.PUNCH, name, position, length);
        file.visible.punch(position, length);
        pending.add(new Punch(file.id, name, position, length));
    }

    synchronized void truncate(SimulatedFile file, String name, long size) throws IOException {
        requireSound(file, name);
        faults.check(Kind.TRUNCATE, name, size, 0);
        file.visible.truncate(size);
        pending.add(new Truncate(file.id, name, size));
    }

    synchronized void dataExtents(SimulatedFile file, long position, long length, ImageIo.ExtentVisitor visitor)
            throws IOException {
        long end = Math.min(position + length, file.visible.size());
        for (long at = position; at < end; ) {
            long pageEnd = Math.min(end, (at / SparseBytes.PAGE_BYTES + 1) * SparseBytes.PAGE_BYTES);
            if (file.visible.hasPage(at / SparseBytes.PAGE_BYTES)) {
                visitor.extent(at, pageEnd - at);
            }
            at = pageEnd;
        }
    }

    /** A flush that fails loses what it should have written; it stays visible, as with the page cache of Linux. */
    synchronized void flush(SimulatedFile file, String name) throws IOException {
        requireSound(file, name);
        try {
            faults.check(Kind.FLUSH, name, 0, 0);
        } catch (FaultPlan.PowerOffException e) {
            throw e;
        } catch (IOException e) {
            pending.removeIf(operation -> operation instanceof OnFile onFile && onFile.fileId() == file.id);
            file.suspect = true;
            throw e;
        }
        for (Iterator<PendingOperation> iterator = pending.iterator(); iterator.hasNext(); ) {
            PendingOperation operation = iterator.next();
            if (operation instanceof OnFile onFile && onFile.fileId() == file.id) {
                Survival.apply(onFile, file.durable, CrashPlan.applyAll());
                iterator.remove();
            }
        }
    }

    private static void requireSound(SimulatedFile file, String name) throws ImageException {
        if (file.suspect) {
            throw new ImageException(ImageException.Kind.SUSPECT, name + ": a flush failed earlier");
        }
    }
}
