package org.tidemark.ploop.io.nfs;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.FlushRounds;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.nfs.NewestWrites.Extent;
import org.tidemark.ploop.io.nfs.NfsConnections.Gate;
import org.tidemark.ploop.io.nfs.NfsConnections.Link;
import org.tidemark.ploop.io.nfs.UncommittedLog.Record;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.OsException;
import org.tidemark.ploop.os.nfs.NfsClient;
import org.tidemark.ploop.os.nfs.NfsHandle;

/**
 * One file of a server, however often and under however many names this process has it open. See the package page for the
 * order of things.
 */
final class NfsFile {
    private static final System.Logger LOG = System.getLogger(NfsFile.class.getName());
    private static final String REGION = "nfs-";
    private static final int MOST_AT_A_TIME_BYTES = 1 << 20;
    private static final Duration LOOK = Duration.ofMillis(100);

    private final NfsExport export;
    private final NfsConnections connections;
    private final NfsHandle handle;
    private final FileId id;
    private final String name;
    private final int pieceBytes;
    private final FlushRounds flushes = new FlushRounds();
    private final FlushRounds.Work round = this::flushOnce;

    /** Held by whoever commits or cuts the file; taken before the monitor. */
    private final Object rounds = new Object();

    /** Guarded by {@link #rounds}: what failed just now has lost nothing. */
    private boolean onlyRefused;

    /** Guarded by this, as all below. */
    private final NewestWrites newest = new NewestWrites();

    private final Doubts doubts;
    private final List<long[]> underWay = new ArrayList<>();
    private @Nullable UncommittedLog log;
    private long sizeBytes;
    private boolean closedToWriters;
    /** What is kept of the file is of no use: see {@link #findKept}. */
    private boolean stale;

    private @Nullable String suspect;

    NfsFile(NfsExport export, NfsHandle handle, FileId id, String name, long sizeBytes) {
        this.export = export;
        this.connections = export.connections();
        this.handle = handle;
        this.id = id;
        this.name = name;
        this.sizeBytes = sizeBytes;
        this.pieceBytes = Math.min(MOST_AT_A_TIME_BYTES, export.settings().keptBytes() / 4);
        this.doubts = new Doubts(connections);
    }

    FileId id() {
        return id;
    }

    String name() {
        return name;
    }

    static String regionOf(FileId id) {
        return REGION + id;
    }

    private String region() {
        return regionOf(id);
    }

    /**
     * Finds what a predecessor has written and not committed; reads show it from then on. When somebody else may have written to
     * the file since, it is neither shown nor written, and the file is suspect until it is closed: what goes on here is an
     * attachment that has lost its image.
     */
    synchronized void findKept(boolean writable) throws IOException {
        if (log != null || stale) {
            return;
        }
        long series = export.locks().seriesOf(id);
        if (!export.memory().exists(region())) {
            String other = writable ? ofAnotherFileSystem() : null;
            if (other != null) {
                stale = true;
                makeSuspect(
                        "the server gives its file system another number than before, and what was written to it and not"
                                + " flushed (" + other + ") may be of another file; that is lost");
                LOG.log(System.Logger.Level.ERROR, "{0}: {1}; detach and check the image", name, suspect);
                return;
            }
            if (writable && series != 0) {
                openLog(); // So that a successor knows under which locks this process has used the file.
            }
            return;
        }
        UncommittedLog found =
                UncommittedLog.open(export.memory(), region(), export.settings().keptBytes(), id, handle);
        if (found.series() != 0 && series == 0) {
            if (!writable) {
                return; // Who has locked it decides what becomes of it.
            }
            throw new ImageException(
                    ImageException.Kind.IN_USE,
                    name + ": an earlier process has written to it under its lock; take the lock first");
        }
        boolean goesOn = found.series() == series || (found.series() == 0 && !found.hasAnswered());
        if (!found.isOf(handle) || !goesOn) {
            stale = true;
            makeSuspect(
                    found.isOf(handle)
                            ? "its lock did not go straight from the process that used it before to this one, so others may have"
                                    + " written to it; what was not flushed is lost"
                            : "it is another file than the one that was used before; what was not flushed to that is lost");
            LOG.log(System.Logger.Level.ERROR, "{0}: {1}; detach and check the image", name, suspect);
            return;
        }
        found.setSeries(series);
        log = found;
        connections.settlesIn(found.settleNanos());
        doubts.load(found, export.clock().nanoTime());
        for (Record record : found.records()) {
            if (record.state == UncommittedLog.ANSWERED) {
                newest.put(record);
                sizeBytes = Math.max(sizeBytes, record.end());
            } else if (record.state == UncommittedLog.UNANSWERED) {
                ByteBuffer content = ByteBuffer.allocate(record.length)
                        .put(found.data(record, record.position, record.end()))
                        .flip();
                doubts.add(
                        record.position,
                        record.end(),
                        0,
                        record.verifier,
                        record.verifierKnown,
                        export.clock().nanoTime(),
                        content,
                        found);
                found.release(record);
            }
        }
        found.trim();
    }

    /** Something kept of a file of the same number on a file system with another one; null: there is none. */
    private @Nullable String ofAnotherFileSystem() throws IOException {
        for (String kept : export.memory().names()) {
            if (kept.startsWith(REGION) && kept.endsWith("-" + id.inFolder()) && !kept.equals(region())) {
                return kept;
            }
        }
        return null;
    }

    /** Writes and commits what a predecessor has left. */
    void replay() throws IOException {
        synchronized (this) {
            if (newest.isEmpty()) {
                return;
            }
        }
        flush();
    }

    private synchronized UncommittedLog openLog() throws IOException {
        UncommittedLog now = log;
        if (now == null) {
            now = UncommittedLog.open(
                    export.memory(), region(), export.settings().keptBytes(), id, handle);
            now.setSeries(export.locks().seriesOf(id));
            log = now;
        }
        return now;
    }

    synchronized long size() {
        return sizeBytes;
    }

    /** Takes the server's size, when nothing here is newer. */
    synchronized void sizeOnServer(long bytes) {
        if (newest.isEmpty() && underWay.isEmpty()) {
            sizeBytes = bytes;
        }
    }

    void read(long position, AlignedBuffer dst, int dstOffset, int length) throws IOException {
        if (length <= 0) {
            return;
        }
        List<long[]> gaps = copyKept(position, dst, dstOffset, length);
        if (gaps.size() == 1) {
            long from = gaps.get(0)[0];
            readServer(from, dst, dstOffset + (int) (from - position), (int) (gaps.get(0)[1] - from));
        } else if (!gaps.isEmpty()) {
            readGaps(gaps, position, dst, dstOffset);
        }
    }

    /**
     * Copies what is not durable yet; returns the ranges of which the server has the newest, and will not forget it. In this
     * order: what is released between the two is durable by then.
     */
    private synchronized List<long[]> copyKept(long position, AlignedBuffer dst, int dstOffset, int length) {
        long end = position + length;
        List<Extent> kept = newest.within(position, end);
        if (kept.isEmpty()) {
            return List.of(new long[] {position, end});
        }
        List<long[]> gaps = new ArrayList<>();
        long at = position;
        UncommittedLog from = log;
        for (Extent extent : kept) {
            long start = Math.max(extent.from(), position);
            long stop = Math.min(extent.to(), end);
            if (start > at) {
                gaps.add(new long[] {at, start});
            }
            if (from != null) {
                from.copy(extent.by(), start, (int) (stop - start), dst, dstOffset + (int) (start - position));
            }
            at = stop;
        }
        if (at < end) {
            gaps.add(new long[] {at, end});
        }
        return gaps;
    }

    private void readServer(long position, AlignedBuffer dst, int dstOffset, int length) throws IOException {
        int got = connections.call(Gate.OPEN, (link, again) -> link.client()
                .read(handle, position, dst.bytes().slice(dstOffset, length)));
        if (got < length) {
            dst.zero(dstOffset + got, length - got);
        }
    }

    /** Many small gaps cost one request for all that lies between the first and the last. */
    private void readGaps(List<long[]> gaps, long position, AlignedBuffer dst, int dstOffset) throws IOException {
        int next = 0;
        while (next < gaps.size()) {
            long start = gaps.get(next)[0];
            long limit = start + NfsConnections.scratchBytes();
            int first = next;
            while (next < gaps.size() && gaps.get(next)[1] <= limit) {
                next++;
            }
            if (next == first) {
                long[] gap = gaps.get(next++);
                readServer(gap[0], dst, dstOffset + (int) (gap[0] - position), (int) (gap[1] - gap[0]));
                continue;
            }
            int last = next;
            int length = (int) (gaps.get(last - 1)[1] - start);
            connections.call(Gate.OPEN, (link, again) -> {
                ByteBuffer scratch = link.scratch().limit(length);
                int got = link.client().read(handle, start, scratch);
                for (long[] gap : gaps.subList(first, last)) {
                    int at = (int) (gap[0] - start);
                    int bytes = (int) (gap[1] - gap[0]);
                    int there = Math.max(0, Math.min(bytes, got - at));
                    int to = dstOffset + (int) (gap[0] - position);
                    dst.bytes().put(to, scratch, at, there);
                    dst.zero(to + there, bytes - there);
                }
                return got;
            });
        }
    }

    void write(long position, AlignedBuffer src, int srcOffset, int length) throws IOException {
        for (int done = 0; done < length; ) {
            int take = Math.min(pieceBytes, length - done);
            writePiece(position + done, src, srcOffset + done, take);
            done += take;
        }
    }

    private void writePiece(long position, AlignedBuffer src, int srcOffset, int length) throws IOException {
        Record record = reserve(position, src, srcOffset, length);
        long[] range = {record.position, record.end()};
        boolean answered = false;
        try {
            openLog().put(record, src, srcOffset);
            Sent sent = send(record, record.position, record.end());
            NfsClient.Written written = sent.written();
            answered = true;
            synchronized (this) {
                record.link = sent.link();
                record.verifier = written.verifier();
                record.oneVerifier = written.oneVerifier();
                record.durable = written.durable();
                openLog().answered(record);
                newest.put(record);
                sizeBytes = Math.max(sizeBytes, record.end());
            }
        } catch (ImageException e) {
            makeSuspect(String.valueOf(e.getMessage()));
            throw e;
        } finally {
            synchronized (this) {
                if (!answered) {
                    openLog().release(record);
                    openLog().trim();
                }
                underWay.removeIf(one -> one[0] == range[0] && one[1] == range[1]);
                notifyAll();
            }
        }
    }

    /** Waits until the range may be written and there is room for it. */
    private Record reserve(long position, AlignedBuffer src, int srcOffset, int length) throws IOException {
        long end = position + length;
        ByteBuffer content = null;
        while (true) {
            long settles;
            synchronized (this) {
                requireSound();
                requireSameSeries();
                if (closedToWriters || overlapsUnderWay(position, end)) {
                    waitForOthers();
                    continue;
                }
                content = content == null ? src.bytes().slice(srcOffset, length) : content;
                settles = doubts.waitNanos(position, end, export.clock().nanoTime(), content);
                if (settles == 0) {
                    Record record = openLog().reserve(position, length);
                    if (record != null) {
                        underWay.add(new long[] {position, end});
                        return record;
                    }
                }
            }
            if (settles == 0) {
                makeRoom();
            } else {
                awaitSettled(settles);
            }
        }
    }

    /** What is in the log was written under one series of locks, or before this process had any. */
    private void requireSameSeries() throws IOException {
        UncommittedLog now = openLog();
        long series = export.locks().seriesOf(id);
        if (series == 0 || now.series() == series) {
            return;
        }
        if (now.series() != 0 && !now.isEmpty()) {
            makeSuspect("its lock was let go of and taken again with writes that were not flushed");
            requireSound();
        }
        now.setSeries(series);
    }

    private boolean overlapsUnderWay(long from, long to) {
        for (long[] range : underWay) {
            if (from < range[1] && range[0] < to) {
                return true;
            }
        }
        return false;
    }

    private void awaitSettled(long nanos) throws IOException {
        if (nanos < 0) {
            // The server has not answered since: ask it something.
            connections.call(Gate.OPEN, (link, again) -> link.client().attributes(handle));
        }
        try {
            export.clock().sleep(nanos > 0 && nanos < LOOK.toNanos() ? Duration.ofNanos(nanos + 999_999) : LOOK);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException(name + ": interrupted");
        }
    }

    /** The ring is full: commits what is in it. */
    private void makeRoom() throws IOException {
        flush();
        synchronized (this) {
            // What is still in the way is under way.
            if (!underWay.isEmpty()) {
                waitForOthers();
            }
        }
    }

    /** What was answered, and on which connection. */
    private record Sent(NfsClient.Written written, long link) {}

    /** Sends a part of {@code record}, again until it is answered. */
    private Sent send(Record record, long from, long to) throws IOException {
        ByteBuffer bytes = openLog().data(record, from, to);
        boolean first = record.state == UncommittedLog.UNANSWERED;
        return connections.call(export.gate(), (link, again) -> {
            if (!link.verifierKnown()) {
                connections.learn(link, link.client().commit(handle));
            }
            if (first) {
                openLog().sending(record, link.verifier(), connections.settleNanos());
            }
            return sendOnce(link, first, from, to, () -> {
                long number = link.number();
                NfsClient.Written written = link.client().write(handle, from, bytes, false);
                connections.learn(link, written.verifier());
                return new Sent(written, number);
            });
        });
    }

    /** A change of the file on one connection. */
    @FunctionalInterface
    private interface Change<T> {
        T send() throws IOException;
    }

    /**
     * While a change is on its way, a successor must know of it. For the first sending of a write its record says so; for
     * anything else a doubt does, which stays when there is no answer.
     */
    private <T> T sendOnce(Link link, boolean recorded, long from, long to, Change<T> change) throws IOException {
        long number = link.number();
        long verifier = link.verifier();
        boolean known = link.verifierKnown();
        Doubts.Doubt doubt = recorded ? null : inDoubt(from, to, number, verifier, known);
        boolean answered = false;
        long startNanos = export.clock().nanoTime();
        try {
            T answer = change.send();
            answered = true;
            return answer;
        } catch (OsException e) {
            answered = true;
            throw e;
        } finally {
            // Whatever else ends it, nobody knows what becomes of it.
            if (!answered) {
                long nanos = export.clock().nanoTime() - startNanos;
                openLog().settlesIn(connections.settleNanosAfter(nanos));
            }
            if (doubt == null && !answered) {
                inDoubt(from, to, number, verifier, known);
            } else if (doubt != null) {
                synchronized (this) {
                    if (answered) {
                        doubts.answered(doubt);
                    } else {
                        doubts.lost(doubt, export.clock().nanoTime());
                    }
                }
            }
        }
    }

    private synchronized Doubts.Doubt inDoubt(long from, long to, long link, long verifier, boolean known)
            throws IOException {
        return doubts.add(from, to, link, verifier, known, export.clock().nanoTime(), null, openLog());
    }

    /** Everything that was written before the call is durable on return. */
    void flush() throws IOException {
        flushes.flush(round);
    }

    private void flushOnce() throws IOException {
        synchronized (rounds) {
            synchronized (this) {
                requireSound();
            }
            boolean done = false;
            onlyRefused = false;
            try {
                commit(false);
                done = true;
            } finally {
                if (!done && !onlyRefused) {
                    makeSuspect("a flush failed earlier");
                }
            }
        }
    }

    /** Commits everything that is answered. The caller holds {@link #rounds}; with {@code alone} nobody writes. */
    private void commit(boolean alone) throws IOException {
        long begunNanos = export.clock().nanoTime();
        while (true) {
            List<Record> pending = pending();
            if (pending.isEmpty()) {
                return;
            }
            List<Record> forgotten = forgotten(pending, commits(pending));
            if (forgotten.isEmpty()) {
                release(pending);
                return;
            }
            if (export.clock().nanoTime() - begunNanos
                    > export.settings().patience().toNanos()) {
                throw new IOException(name + ": the NFS server forgets what is written faster than it is written "
                        + "again; look at why it restarts");
            }
            writeAgain(forgotten, alone);
        }
    }

    private synchronized List<Record> pending() {
        List<Record> pending = new ArrayList<>();
        UncommittedLog kept = log;
        if (kept != null) {
            for (Record record : kept.records()) {
                if (record.state == UncommittedLog.ANSWERED) {
                    pending.add(record);
                }
            }
        }
        return pending;
    }

    /** Commits on every connection that a record was written on; their verifiers, by the connection. */
    private Map<Long, Long> commits(List<Record> pending) throws IOException {
        Map<Long, Long> verifiers = new LinkedHashMap<>();
        for (Record record : pending) {
            if (record.link != 0 && !record.durable && !verifiers.containsKey(record.link)) {
                Long verifier = connections.callOn(record.link, export.gate(), (link, again) -> {
                    long answer = link.client().commit(handle);
                    connections.learn(link, answer);
                    return answer;
                });
                if (verifier != null) {
                    verifiers.put(record.link, verifier);
                }
            }
        }
        return verifiers;
    }

    /** Those that the server may have forgotten. */
    private static List<Record> forgotten(List<Record> pending, Map<Long, Long> verifiers) {
        List<Record> forgotten = new ArrayList<>();
        for (Record record : pending) {
            Long verifier = verifiers.get(record.link);
            boolean committed =
                    record.durable || (record.oneVerifier && verifier != null && verifier == record.verifier);
            if (!committed) {
                forgotten.add(record);
            }
        }
        return forgotten;
    }

    private synchronized void release(List<Record> pending) {
        UncommittedLog kept = log;
        if (kept != null) {
            pending.forEach(kept::release);
            newest.removeReleased();
            kept.trim();
            notifyAll();
        }
    }

    /** Sends the newest bytes of {@code forgotten} again, while nobody writes. Older ones never leave this host again. */
    private void writeAgain(List<Record> forgotten, boolean alone) throws IOException {
        try {
            if (!alone) {
                shutOut();
            }
            List<Extent> extents;
            synchronized (this) {
                extents = newest.all();
            }
            Map<Record, List<Extent>> parts = new LinkedHashMap<>();
            forgotten.forEach(record -> parts.put(record, new ArrayList<>()));
            for (Extent extent : extents) {
                List<Extent> its = parts.get(extent.by());
                if (its != null) {
                    its.add(extent);
                }
            }
            for (Map.Entry<Record, List<Extent>> one : parts.entrySet()) {
                writeAgain(one.getKey(), one.getValue());
            }
        } finally {
            if (!alone) {
                letIn();
            }
        }
    }

    /** The record says so only when the last of its parts was answered; it is durable when nothing of it is left. */
    private void writeAgain(Record record, List<Extent> parts) throws IOException {
        boolean durable = true;
        boolean oneVerifier = true;
        @Nullable Sent first = null;
        for (Extent part : parts) {
            Sent sent = onlyRefused(() -> send(record, part.from(), part.to()));
            first = first == null ? sent : first;
            durable &= sent.written().durable();
            oneVerifier &= sent.written().oneVerifier()
                    && sent.link() == first.link()
                    && sent.written().verifier() == first.written().verifier();
        }
        record.durable = durable;
        record.oneVerifier = oneVerifier;
        record.link = first == null ? 0 : first.link();
        record.verifier = first == null ? 0 : first.written().verifier();
    }

    /** A server without room for a change has lost nothing by it: what was written before is where it was. */
    private <T> T onlyRefused(Change<T> change) throws IOException {
        try {
            return change.send();
        } catch (OsException e) {
            onlyRefused = e.errno() == Errno.ENOSPC || e.errno() == Errno.EDQUOT || e.errno() == Errno.EFBIG;
            throw e;
        }
    }

    private void shutOut() throws IOException {
        synchronized (this) {
            closedToWriters = true;
            while (!underWay.isEmpty()) {
                waitForOthers();
            }
        }
    }

    private synchronized void letIn() {
        closedToWriters = false;
        notifyAll();
    }

    /** Cuts or extends the file; durable on return, with everything written before. */
    void truncate(long newBytes) throws IOException {
        synchronized (rounds) {
            boolean done = false;
            onlyRefused = false;
            try {
                shutOut();
                synchronized (this) {
                    requireSound();
                    requireSameSeries();
                }
                commit(true);
                resize(newBytes);
                done = true;
            } finally {
                if (!done && !onlyRefused) {
                    makeSuspect("changing its size failed earlier");
                }
                letIn();
            }
        }
    }

    private void resize(long newBytes) throws IOException {
        long from;
        while (true) {
            long settles;
            synchronized (this) {
                from = Math.min(sizeBytes, newBytes);
                settles = doubts.waitNanos(from, Long.MAX_VALUE, export.clock().nanoTime(), null);
            }
            if (settles == 0) {
                break;
            }
            awaitSettled(settles);
        }
        long start = from;
        onlyRefused(() -> connections.call(
                export.gate(),
                (link, again) -> sendOnce(link, false, start, Long.MAX_VALUE, () -> {
                    link.client().truncate(handle, newBytes);
                    return 0;
                })));
        synchronized (this) {
            sizeBytes = newBytes;
        }
    }

    private void requireSound() throws ImageException {
        if (suspect != null) {
            throw new ImageException(
                    ImageException.Kind.SUSPECT,
                    name + ": nothing more is written to it (" + suspect + "); detach and check the image");
        }
    }

    /** Throws unless it may be changed. */
    synchronized void requireWritable() throws ImageException {
        requireSound();
    }

    private synchronized void makeSuspect(String why) {
        if (suspect == null) {
            suspect = why;
        }
        notifyAll();
    }

    private synchronized boolean isSuspect() {
        return suspect != null;
    }

    private void waitForOthers() throws IOException {
        try {
            wait(1000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException(name + ": interrupted");
        }
    }

    /**
     * Nobody has it open any more. What is not durable yet is committed if that costs one request; else it stays in the kept
     * memory, for whoever opens the file next.
     */
    void close() throws IOException {
        synchronized (rounds) {
            List<Record> pending = pending();
            if (!pending.isEmpty() && !isSuspect()) {
                try {
                    if (forgotten(pending, commits(pending)).isEmpty()) {
                        release(pending);
                    }
                } catch (IOException e) {
                    // Unflushed writes carry no promise.
                }
            }
            awaitAllSettled();
            synchronized (this) {
                UncommittedLog kept = log;
                if (stale || (kept != null && kept.isEmpty() && !kept.hasDoubts())) {
                    log = null;
                    export.memory().drop(region());
                    String other = stale ? ofAnotherFileSystem() : null;
                    if (other != null) {
                        export.memory().drop(other);
                    }
                } else if (kept != null && !kept.hasAnswered()) {
                    kept.setSeries(0); // What is in doubt matters to whoever comes next, whatever happens in between.
                }
            }
        }
    }

    /** Whoever opens the file next may not know what is in doubt. Not while the server is away. */
    private void awaitAllSettled() {
        try {
            while (true) {
                long settles;
                synchronized (this) {
                    settles = doubts.waitNanos(0, Long.MAX_VALUE, export.clock().nanoTime(), null);
                }
                if (settles == 0) {
                    return;
                }
                if (settles < 0) {
                    connections.callOnce(
                            Gate.OPEN, (link, again) -> link.client().attributes(handle));
                }
                awaitSettled(Math.max(1, settles));
            }
        } catch (IOException e) {
            // What is in doubt stays in the kept memory.
        }
    }
}
