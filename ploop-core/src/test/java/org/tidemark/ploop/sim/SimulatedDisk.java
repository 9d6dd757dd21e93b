package org.tidemark.ploop.sim;

import java.io.IOException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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
import org.tidemark.ploop.sim.PendingOperation.Exchange;
import org.tidemark.ploop.sim.PendingOperation.OnFile;
import org.tidemark.ploop.sim.PendingOperation.OnNames;
import org.tidemark.ploop.sim.PendingOperation.Punch;
import org.tidemark.ploop.sim.PendingOperation.Rename;
import org.tidemark.ploop.sim.PendingOperation.Truncate;
import org.tidemark.ploop.sim.PendingOperation.Write;

/** A folder in memory, and folders in it; see the package's essay. Safe for use by several threads. */
public final class SimulatedDisk implements ImageDirectory {
    static final int SECTOR_BYTES = 512;

    private final FaultPlan faults = new FaultPlan();

    // All of the following is guarded by this object.
    private final Map<Integer, SimulatedFile> files = new TreeMap<>();
    private final Map<String, SimulatedFile> names = new TreeMap<>();
    private final Map<String, SimulatedFile> durableNames = new TreeMap<>();
    private final List<PendingOperation> pending = new ArrayList<>();
    private long limitPages = Long.MAX_VALUE;
    private CrashPlan flushFailure = CrashPlan.dropAll();
    private boolean keepsCache;
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

    /** What reaches the medium of a file whose flush fails. */
    public synchronized void whenFlushesFail(CrashPlan plan) {
        flushFailure = plan;
    }

    /** Whoever opens a file whose flush failed goes on seeing what was lost: a program that does not drop the page cache. */
    public synchronized void keepCacheOfFailedFlushes() {
        keepsCache = true;
    }

    /** Every process that has files open is killed: their locks are gone, what they wrote stays visible. */
    public synchronized void killAll() {
        files.values().forEach(file -> {
            file.exclusivelyLocked = false;
            file.sharedLocks = 0;
        });
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
                    Survival.applyNames((OnNames) operation, survivors);
                }
            }
        }
        SimulatedFolder.dropUnreachable(survivors);
        survivors.forEach((name, id) -> {
            SimulatedFile file = after.files.computeIfAbsent(
                    id,
                    key -> new SimulatedFile(
                            id, contents.get(id), contents.get(id).copy()));
            file.folder = files.get(id).folder;
            after.names.put(name, file);
            after.durableNames.put(name, file);
        });
        return after;
    }

    @Override
    public String name() {
        return "simulated";
    }

    @Override
    public synchronized ImageIo open(String name, OpenMode mode) throws IOException {
        requireName(name);
        faults.check(Kind.OPEN, name, 0, 0);
        SimulatedFile file = require(name);
        if (file.folder) {
            throw new ImageException(ImageException.Kind.NOT_AN_IMAGE, name + " is a folder");
        }
        if (mode == OpenMode.READ_WRITE) {
            dropCache(file);
        }
        return new SimulatedImageIo(this, file, name, mode == OpenMode.READ_WRITE);
    }

    @Override
    public synchronized ImageIo create(String name) throws IOException {
        return new SimulatedImageIo(this, make(name), name, true);
    }

    private SimulatedFile make(String name) throws IOException {
        requireName(name);
        faults.check(Kind.CREATE, name, 0, 0);
        if (names.containsKey(name)) {
            throw new FileAlreadyExistsException(name);
        }
        SimulatedFile file = new SimulatedFile(nextId++);
        files.put(file.id, file);
        names.put(name, file);
        pending.add(new Create(file.id, name));
        return file;
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
        if (require(name).folder) {
            throw new ImageException(ImageException.Kind.INVALID_REQUEST, name + " is a folder, not a file");
        }
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
    public synchronized String identity(String name) throws IOException {
        requireName(name);
        return Integer.toString(require(name).id);
    }

    @Override
    public long freeBytes() {
        return Long.MAX_VALUE;
    }

    @Override
    public synchronized int names(String name) throws IOException {
        requireName(name);
        SimulatedFile file = require(name);
        return (int) names.values().stream().filter(one -> one == file).count();
    }

    @Override
    public synchronized void link(String name, ImageDirectory folder, String newName) throws IOException {
        linkTo(name, SimulatedFolder.keyOn(this, folder, newName));
    }

    synchronized void linkTo(String name, String newName) throws IOException {
        requireName(name);
        requireName(newName);
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
        return list("");
    }

    /** The files whose keys begin with {@code prefix}, without it. */
    synchronized List<String> list(String prefix) {
        return names.entrySet().stream()
                .filter(entry -> SimulatedFolder.prefixOf(entry.getKey()).equals(prefix) && !entry.getValue().folder)
                .map(entry -> entry.getKey().substring(prefix.length()))
                .toList();
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
        return new SimulatedLock(this, file, exclusive);
    }

    @Override
    public synchronized void sync() throws IOException {
        sync(name(), "");
    }

    synchronized void sync(String folderName, String prefix) throws IOException {
        faults.check(Kind.SYNC, folderName, 0, 0);
        pending.removeIf(operation -> operation instanceof OnNames onNames
                && SimulatedFolder.prefixOf(onNames.name()).equals(prefix));
        durableNames.keySet().removeIf(key -> SimulatedFolder.prefixOf(key).equals(prefix));
        names.forEach((key, file) -> {
            if (SimulatedFolder.prefixOf(key).equals(prefix)) {
                durableNames.put(key, file);
            }
        });
    }

    @Override
    public synchronized ImageDirectory createFolder(String name) throws IOException {
        SimulatedFile made = make(name);
        made.folder = true;
        return new SimulatedFolder(this, made.id, name() + "/" + name);
    }

    @Override
    public synchronized ImageDirectory folder(String name) throws IOException {
        SimulatedFile found = require(name);
        if (!found.folder) {
            throw new NotDirectoryException(name);
        }
        return new SimulatedFolder(this, found.id, name() + "/" + name);
    }

    @Override
    public synchronized boolean hasFolder(String name) {
        SimulatedFile found = names.get(name);
        return found != null && found.folder;
    }

    @Override
    public synchronized void deleteFolder(String name) throws IOException {
        faults.check(Kind.DELETE, name, 0, 0);
        SimulatedFile gone = require(name);
        if (!gone.folder) {
            throw new NotDirectoryException(name);
        }
        if (names.keySet().stream().anyMatch(SimulatedFolder.within(gone.id))) {
            throw new DirectoryNotEmptyException(name);
        }
        names.remove(name);
        pending.add(new Delete(name));
    }

    @Override
    public synchronized void exchange(String file, String folder) throws IOException {
        faults.check(Kind.RENAME, file, 0, 0);
        SimulatedFile first = require(file);
        SimulatedFile second = require(folder);
        names.put(file, second);
        names.put(folder, first);
        pending.add(new Exchange(first.id, file, second.id, folder));
    }

    /** What folder of this disk has that number, in whichever other one; the disk itself holds all folders. */
    synchronized Optional<Entry> entryOf(int folderId) {
        return names.entrySet().stream()
                .filter(entry -> entry.getValue().id == folderId)
                .map(entry -> new Entry(this, entry.getKey()))
                .findFirst();
    }

    @Override
    public Optional<Entry> entry() {
        return Optional.empty();
    }

    private SimulatedFile require(String name) throws NoSuchFileException {
        SimulatedFile file = names.get(name);
        if (file == null) {
            throw new NoSuchFileException(name);
        }
        return file;
    }

    private static void requireName(String name) {
        SimulatedFolder.requireName(
                name.substring(SimulatedFolder.prefixOf(name).length()));
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
        faults.check(Kind.WRITE, name, position, bytes.length);
        if (limitPages != Long.MAX_VALUE && usedPages() + file.visible.newPages(position, bytes.length) > limitPages) {
            throw new OsException("simulated write at " + position, name, Errno.ENOSPC);
        }
        file.visible.write(position, bytes, 0, bytes.length);
        pending.add(new Write(file.id, name, position, bytes));
    }

    synchronized void punch(SimulatedFile file, String name, long position, long length) throws IOException {
        faults.check(Kind.PUNCH, name, position, length);
        file.visible.punch(position, length);
        pending.add(new Punch(file.id, name, position, length));
    }

    synchronized void truncate(SimulatedFile file, String name, long size) throws IOException {
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

    /**
     * A flush that fails loses what it should have written, all of it or as {@link #whenFlushesFail} says. It stays visible,
     * as with the page cache of Linux, until somebody opens the file anew; later flushes succeed.
     */
    synchronized void flush(SimulatedFile file, String name) throws IOException {
        try {
            faults.check(Kind.FLUSH, name, 0, 0);
        } catch (FaultPlan.PowerOffException e) {
            throw e;
        } catch (IOException e) {
            for (Iterator<PendingOperation> iterator = pending.iterator(); iterator.hasNext(); ) {
                PendingOperation operation = iterator.next();
                if (operation instanceof OnFile onFile && onFile.fileId() == file.id) {
                    Survival.apply(onFile, file.durable, flushFailure);
                    iterator.remove();
                }
            }
            file.visibleLies = true;
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

    /** After a failed flush the pages are clean and not what the medium holds: whoever opens the file drops them. */
    private void dropCache(SimulatedFile file) {
        if (file.visibleLies && !keepsCache) {
            file.visible = file.durable.copy();
            for (PendingOperation operation : pending) {
                if (operation instanceof OnFile onFile && onFile.fileId() == file.id) {
                    Survival.apply(onFile, file.visible, CrashPlan.applyAll());
                }
            }
            file.visibleLies = false;
        }
    }
}
