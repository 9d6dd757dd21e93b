package org.tidemark.ploop.device;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.device.cbt.ChangedBlockTracker;
import org.tidemark.ploop.device.cbt.Checkpoint;
import org.tidemark.ploop.device.cbt.Interval;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.FlushRounds;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ObservedIo;
import org.tidemark.ploop.io.UnreadableException;
import org.tidemark.ploop.io.WriteObserver;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.OsException;

/**
 * The virtual block device of a chain of deltas.
 *
 * <p><b>Writing.</b> Gate, changed-block tracker, views, then cluster by cluster: a cluster of the top delta is overwritten
 * in place; any other is locked out, a fresh cluster reserved, what a lower delta holds around the written part copied up,
 * the data written, and the map told last. A crash of the process at any point leaves the old map entry, or the new one
 * with all its data in the file.
 *
 * <p><b>Flushing.</b> Copy the changed map pages; {@code fdatasync} (their clusters' data is durable now); write the copies;
 * {@code fdatasync}. Without changed pages one {@code fdatasync} is all. A page changed after its copy was taken waits for
 * the next round. So an entry in the file never names a cluster whose data is not durable. A crash between the steps
 * leaves clusters that nothing names.
 *
 * <p><b>Discarding.</b> Reads back as zeros to the byte: the top delta's part is punched; where a lower delta holds the
 * cluster, a fresh cluster that is zero there takes its place. A whole cluster of a chain of one leaves the map; when the map
 * without it is durable, and nobody reads or writes there any more, it is handed out again. A crash before that leaves the
 * old entry with its old data, for nobody else has the cluster yet; a crash after it a cluster that nothing names.
 *
 * <p><b>Closing.</b> Flush; readers leave; clusters at the end of the file move into holes (data, {@code fdatasync}, entries,
 * {@code fdatasync}); the file is cut; {@code fdatasync}; the mark is cleared, {@code fdatasync}.
 *
 * <p><b>After a failed flush</b> the content of the medium is unknown; the device is {@link DeviceState#ABORTED} and only
 * reads are served. So it is after a write that the disk failed, other than for want of space. A read that fails is an error
 * of that read alone.
 */
public final class PloopDevice implements BlockDevice {
    /** Slots of the cluster map when the caller does not say: 48 MiB of tmpfs at most. */
    public static final int DEFAULT_MAP_SLOTS = 9_600;

    /** What is moved at most into holes when a device is closed; the rest is for image compact. */
    private static final long CLOSE_MOVE_BYTES = 64L << 20;

    private static final DeviceView[] NO_VIEWS = new DeviceView[0];
    private static final System.Logger LOG = System.getLogger(PloopDevice.class.getName());

    private final String name;
    private final boolean writable;
    private volatile long sizeBytes;
    private final int blockBytes;
    private final StateArea area;
    private final ChainStack stack;
    private final AbortRecord aborted;
    private final @Nullable ChangedBlockTracker tracker;
    private final AdmissionGate gate = new AdmissionGate();
    /** Who holds the gate shut beyond one call, see {@link HeldDevices}. */
    private volatile @Nullable Thread holder;

    private volatile @Nullable RecentWrites recentWrites;
    private final FlushRounds flushes = new FlushRounds();
    private final FlushRounds.Work flushWork = this::flushOnce;
    private volatile DeviceView[] views = NO_VIEWS;
    private volatile long moveAtCloseBytes = CLOSE_MOVE_BYTES;
    private volatile Consumer<Delta> beforeClosed = top -> {};
    private volatile DeviceState state = DeviceState.RUNNING;

    /**
     * Makes a device of open deltas, base first; they belong to it from here on. The top delta is writable and marked in
     * use, or nothing is ever written.
     *
     * @param tracker records what is about to change, or null
     * @param mapSlots bound for the cluster map: pages of 1,024 clusters kept at once
     */
    public PloopDevice(
            String name, List<Delta> deltas, StateArea area, @Nullable ChangedBlockTracker tracker, int mapSlots)
            throws IOException {
        this.name = name;
        Delta top = deltas.get(deltas.size() - 1);
        this.writable = top.writable();
        this.blockBytes = top.io().capabilities().alignmentBytes() > 512 ? 4096 : 512;
        this.sizeBytes = top.geometry().diskSizeBytes();
        this.area = area;
        this.tracker = tracker;
        this.stack = new ChainStack(mapSlots, area, this::makeRoom, deltas);
        this.aborted = AbortRecord.in(area);
        if (area.resumed()) {
            // Views die with the process that served them.
            area.dropStartingWith(DeviceView.REGION_PREFIX);
            state = aborted.isSet() ? DeviceState.ABORTED : DeviceState.RUNNING;
        }
        if (tracker != null && writable) {
            tracker.flushDataWith(this::flush);
        }
    }

    /** The allocation cursor of the top delta, kept in a state area so that a successor goes on where this process was. */
    public static AllocationCursor cursor(StateArea area) throws IOException {
        AlignedBuffer memory = area.region("cursor", 4096);
        return new AllocationCursor() {
            @Override
            public long get() {
                return memory.getLong(0) - 1;
            }

            @Override
            public void set(long nextPhysicalCluster) {
                memory.putLong(0, nextPhysicalCluster + 1);
            }

            @Override
            public AlignedBuffer memory(int sizeBytes) throws IOException {
                return area.region("cursor.free", sizeBytes);
            }
        };
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public long sizeBytes() {
        return sizeBytes;
    }

    @Override
    public int blockSizeBytes() {
        return blockBytes;
    }

    @Override
    public boolean writable() {
        return writable;
    }

    @Override
    public DeviceState state() {
        DeviceState now = state;
        return now == DeviceState.RUNNING && gate.isShut() ? DeviceState.QUIESCED : now;
    }

    @Override
    public String trouble() {
        String why = aborted.reason();
        return why.isEmpty() ? "" : "it is read-only: " + why;
    }

    /** The deltas, base first. */
    public List<Delta> deltas() {
        return stack.deltas();
    }

    public int clusterSizeBytes() {
        return stack.clusterBytes();
    }

    /** The tracker, or null for a device without one. */
    public @Nullable ChangedBlockTracker tracker() {
        return tracker;
    }

    @Override
    public void read(long offsetBytes, AlignedBuffer dst, int dstOffset, int lengthBytes) throws IOException {
        checkRange(offsetBytes, lengthBytes);
        if (state == DeviceState.CLOSED) {
            throw closed();
        }
        readClusters(offsetBytes, dst, dstOffset, lengthBytes);
    }

    /** Reads what is on the disk now, for a view. */
    void readClusters(long offsetBytes, AlignedBuffer dst, int dstOffset, int lengthBytes) throws IOException {
        stack.read(offsetBytes, dst, dstOffset, lengthBytes);
    }

    @Override
    public void write(long offsetBytes, AlignedBuffer src, int srcOffset, int lengthBytes) throws IOException {
        checkRange(offsetBytes, lengthBytes);
        if (lengthBytes == 0) {
            return;
        }
        gate.enter();
        try {
            beforeChange(offsetBytes, lengthBytes);
            try {
                stack.write(offsetBytes, src, srcOffset, lengthBytes);
            } catch (IOException e) {
                throw failedChange(e);
            } finally {
                afterChange(offsetBytes, lengthBytes);
            }
        } finally {
            gate.leave();
        }
    }

    @Override
    public void discard(long offsetBytes, long lengthBytes) throws IOException {
        checkRange(offsetBytes, lengthBytes);
        if (lengthBytes == 0) {
            return;
        }
        gate.enter();
        try {
            beforeChange(offsetBytes, lengthBytes);
            try {
                stack.discard(offsetBytes, offsetBytes + lengthBytes);
            } catch (IOException e) {
                throw failedChange(e);
            } finally {
                afterChange(offsetBytes, lengthBytes);
            }
        } finally {
            gate.leave();
        }
    }

    @Override
    public void writeZeroes(long offsetBytes, long lengthBytes) throws IOException {
        discard(offsetBytes, lengthBytes);
    }

    /** What every change does first, inside the gate. */
    private void beforeChange(long offsetBytes, long lengthBytes) throws IOException {
        if (state != DeviceState.RUNNING) {
            throw refused();
        }
        if (!writable) {
            throw new ImageException(ImageException.Kind.READ_ONLY, name + ": the device is open for reading only");
        }
        ChangedBlockTracker marks = tracker;
        if (marks != null) {
            marks.mark(offsetBytes, lengthBytes);
        }
        for (DeviceView view : views) {
            view.beforeWrite(offsetBytes, lengthBytes);
        }
    }

    private void afterChange(long offsetBytes, long lengthBytes) throws IOException {
        ChangedBlockTracker marks = tracker;
        if (marks != null) {
            marks.written(offsetBytes, lengthBytes);
        }
        RecentWrites recent = recentWrites;
        if (recent != null) {
            recent.add(offsetBytes, lengthBytes);
        }
    }

    /**
     * What to tell the client of a change that failed. A disk that fails a write fails the next flush, too, or worse, does
     * not: nothing more is written to it. What only concerns this request (space, or something that cannot be read)
     * leaves the device as it is.
     */
    private IOException failedChange(IOException failure) {
        if (failure instanceof UnreadableException unreadable) {
            return unreadable.reason();
        }
        if (failure instanceof OsException os && diskFailed(os.errno())) {
            abort(os);
        } else if (failure instanceof ImageException known && known.kind() == ImageException.Kind.SUSPECT) {
            // A flush of the file failed, whoever asked for it.
            abort(known);
        }
        return failure;
    }

    private static boolean diskFailed(int errno) {
        return switch (errno) {
            case Errno.EIO, Errno.ENXIO, Errno.ENODEV, Errno.EROFS, Errno.ESTALE, Errno.EREMOTEIO -> true;
            default -> false;
        };
    }

    @Override
    public void flush() throws IOException {
        if (!writable) {
            return;
        }
        if (state != DeviceState.RUNNING) {
            throw refused();
        }
        flushes.flush(flushWork);
    }

    private void flushOnce() throws IOException {
        // Who waited while another one's flush failed must not be told that all is well.
        if (state != DeviceState.RUNNING) {
            throw refused();
        }
        try {
            flushClusters();
        } catch (ClusterStore.NoSpaceForMapException e) {
            throw e.reason();
        }
    }

    private void flushClusters() throws IOException {
        try {
            stack.flush();
        } catch (ClusterStore.NoSpaceForMapException e) {
            throw e;
        } catch (IOException | RuntimeException e) {
            abort(e);
            throw e;
        }
    }

    /** The map is full of changed pages. While the chain is exchanged nobody needs room: all is being flushed. */
    private boolean makeRoom() throws IOException {
        return state == DeviceState.RUNNING && flushes.flushUnlessAlone(flushWork);
    }

    private synchronized void abort(Exception cause) {
        if (state == DeviceState.RUNNING) {
            aborted.set(cause.getMessage() == null ? cause.toString() : cause.getMessage());
            state = DeviceState.ABORTED;
            LOG.log(
                    System.Logger.Level.ERROR,
                    name + ": its disk failed, the device is read-only from now on; reads are served",
                    cause);
        }
    }

    @Override
    public void extents(long offsetBytes, long lengthBytes, ExtentVisitor visitor) throws IOException {
        checkRange(offsetBytes, lengthBytes);
        stack.extents(offsetBytes, lengthBytes, visitor);
    }

    /** As {@link #extents} of the whole disk, with the places of its parts; for {@link DiskMap}. */
    void map(ClusterStore.MapVisitor visitor) throws IOException {
        stack.map(0, sizeBytes, visitor);
    }

    /** Tells from now on what was written, until {@link #stopWatching}; for one copier at a time. */
    public RecentWrites watchWrites() {
        RecentWrites watch = new RecentWrites(sizeBytes);
        recentWrites = watch;
        return watch;
    }

    /**
     * Tells somebody of every change of the top's file from now on; null for nobody. The chain must not be exchanged meanwhile.
     *
     * @throws IllegalStateException when its file was not opened as an {@link ObservedIo}, or is observed already
     */
    public void observeTop(@Nullable WriteObserver observer) {
        if (!(stack.top().io() instanceof ObservedIo file)) {
            throw new IllegalStateException(name + ": its file cannot be observed");
        }
        file.observe(observer);
    }

    /** From now on {@code observer} is told of what {@link #observeTop} had somebody told of. */
    public void passTopOn(WriteObserver observer) {
        if (!(stack.top().io() instanceof ObservedIo file)) {
            throw new IllegalStateException(name + ": its file cannot be observed");
        }
        file.passOn(observer);
    }

    public void stopWatching() {
        recentWrites = null;
    }

    /**
     * The map page {@code page} as the top has it now, whether it is in the file yet or not: physical clusters of the top,
     * {@link Delta#NOT_ALLOCATED} for what it does not hold. Not while the chain is being exchanged.
     */
    public void readTopPage(long page, AlignedBuffer dst) throws IOException {
        stack.readTopPage(page, dst);
    }

    /**
     * Replaces the chain below the device in one moment, for readers, writers and a successor. Writers are held back and
     * everything is flushed; then {@code exchange} makes the new chain the one that counts and says what it is. When it
     * throws, the old chain goes on: it must be whole then. Once it returned there is no way back; should the device not
     * be able to go on with the new chain it becomes read-only and shows the same content through the old one.
     *
     * <pre>
     *   flushed | exchange: commit | state area unbound, map forgotten, bound anew | new chain serves | old files closed
     *   killed before the commit:  the successor finds the old chain, and a map with nothing in it that is not in the file
     *   killed after it:           the successor finds that map and cursor do not belong to the new chain, and forgets them
     * </pre>
     *
     * @param timeoutNanos how long requests under way may take to end; then this throws IN_USE and nothing has happened
     */
    public void exchange(long timeoutNanos, Exchange exchange) throws IOException {
        whileQuiesced(timeoutNanos, () -> exchangeQuiesced(exchange));
    }

    /**
     * {@link #exchange} for a chain whose files change: readers are held back too while {@code exchange} works, and what was
     * known of the map is forgotten. The disk keeps its size.
     */
    public void exchangeUnread(long timeoutNanos, Exchange exchange) throws IOException {
        whileQuiesced(timeoutNanos, () -> {
            requireFlushed();
            for (Delta gone : stack.replaceUnread(exchange).gone()) {
                gone.close();
            }
        });
    }

    /**
     * Moves up to so many bytes from the end of the top's file into holes; only inside {@link #exchangeUnread}. What was moved
     * is durable. See {@link Delta#shrink}.
     *
     * @return whether anything was moved
     */
    public boolean shrinkTop(long maxMoveBytes) throws IOException {
        return stack.shrink(maxMoveBytes);
    }

    private void whileQuiesced(long timeoutNanos, FlushRounds.Work work) throws IOException {
        if (holder == Thread.currentThread()) {
            flushes.alone(work);
            return;
        }
        if (!gate.shut(timeoutNanos)) {
            throw new ImageException(
                    ImageException.Kind.IN_USE,
                    name + ": requests did not end within " + timeoutNanos / 1_000_000 + " ms; try again");
        }
        try {
            flushes.alone(work);
        } finally {
            gate.reopen();
        }
    }

    /**
     * {@link #exchange} for a chain whose disk is larger: readers are held back too while {@code exchange} changes the files,
     * and tracker and size follow. Views that are open keep their size.
     *
     * <pre>
     *   flushed | exchange: files, commit | state area bound to the new size | tracker follows | the new size is served
     *   killed anywhere: the successor goes by the size that the files have
     * </pre>
     *
     * @param newSizeBytes what the disk has afterwards
     */
    public void grow(long timeoutNanos, long newSizeBytes, Exchange exchange) throws IOException {
        ChangedBlockTracker marks = tracker;
        if (marks != null) {
            marks.prepareGrowth(newSizeBytes);
        }
        FlushRounds.Work growth = () -> whileQuiesced(timeoutNanos, () -> growQuiesced(newSizeBytes, exchange));
        if (marks == null) {
            growth.run();
        } else {
            marks.whileNotPersisted(growth);
            marks.persist();
        }
    }

    private void growQuiesced(long newSizeBytes, Exchange exchange) throws IOException {
        requireFlushed();
        Exchange.Next next = stack.replaceUnread(exchange);
        ChangedBlockTracker marks = tracker;
        try {
            if (marks != null) {
                marks.grow(newSizeBytes);
            }
        } catch (IOException | RuntimeException e) {
            abort(e);
            throw e;
        } finally {
            sizeBytes = newSizeBytes;
        }
        for (Delta gone : next.gone()) {
            gone.close();
        }
    }

    private void requireFlushed() throws IOException {
        if (state != DeviceState.RUNNING) {
            throw refused();
        }
        try {
            flushClusters();
        } catch (ClusterStore.NoSpaceForMapException e) {
            throw e.reason();
        }
    }

    private void exchangeQuiesced(Exchange exchange) throws IOException {
        requireFlushed();
        Exchange.Next next = exchange.commit();
        try {
            stack.replace(next);
        } catch (IOException | RuntimeException e) {
            abort(e);
            throw e;
        }
        for (Delta gone : next.gone()) {
            gone.close();
        }
    }

    /** The device cannot be trusted to write any more, for a reason outside it; reading goes on. */
    public void stopWriting(Exception cause) {
        abort(cause);
    }

    /** Makes what a view needs; done before the instant, because it takes time. */
    DeviceView.Prepared prepareView(String viewName, Path scratchFolder, long scratchLimitBytes) throws IOException {
        ChangedBlockTracker marks = tracker;
        if (marks != null) {
            marks.prepareBegin();
        }
        return new DeviceView.Prepared(area, viewName, sizeBytes, scratchFolder, scratchLimitBytes);
    }

    /** Holds new changes back and waits for those under way; false when that took too long (nothing is held then). */
    boolean quiesce(long timeoutNanos) {
        boolean shut = gate.shut(timeoutNanos);
        if (shut) {
            holder = Thread.currentThread();
        }
        return shut;
    }

    void relax() {
        holder = null;
        gate.reopen();
    }

    /** Opens a view at the instant; the device is quiesced. */
    DeviceView openView(
            String viewName, String consumer, @Nullable Checkpoint since, DeviceView.Prepared prepared, Checkpoint none)
            throws IOException {
        if (prepared.diskSizeBytes() != sizeBytes) {
            throw new ImageException(
                    ImageException.Kind.IN_USE, name + ": its disk was made larger just now; try again");
        }
        ChangedBlockTracker marks = tracker;
        Interval interval = marks == null ? Interval.full(none, sizeBytes) : marks.begin(consumer, since);
        DeviceView view = new DeviceView(viewName, this, interval, prepared);
        synchronized (this) {
            DeviceView[] more = Arrays.copyOf(views, views.length + 1);
            more[views.length] = view;
            views = more;
        }
        return view;
    }

    synchronized void forgetView(DeviceView view) {
        List<DeviceView> left = new ArrayList<>(Arrays.asList(views));
        left.remove(view);
        views = left.isEmpty() ? NO_VIEWS : left.toArray(new DeviceView[0]);
    }

    /** The views that are open. */
    public List<DeviceView> views() {
        return List.of(views);
    }

    /**
     * How much may be moved from the end of the file into holes by {@link #detach}; {@link Long#MAX_VALUE} for all of it.
     */
    public void moveAtClose(long maxMoveBytes) {
        moveAtCloseBytes = maxMoveBytes;
    }

    /** What is done with the top before its in-use mark is cleared: nobody writes any more, and everything is durable. */
    public void beforeClosed(Consumer<Delta> act) {
        beforeClosed = act;
    }

    /**
     * Ends the device properly: flushes, clears the in-use mark, closes the files. The tracker is not closed: the caller
     * does that afterwards with the image's new identity.
     */
    public void detach() throws IOException {
        if (!gate.shut(30_000_000_000L)) {
            throw new ImageException(
                    ImageException.Kind.IN_USE, name + ": requests did not end within 30 s, the device stays attached");
        }
        boolean done = false;
        try {
            if (writable && state == DeviceState.RUNNING) {
                flushes.flush(flushWork);
                markClosed();
            }
            done = true;
        } finally {
            if (done) {
                state = DeviceState.CLOSED;
            }
            gate.reopen();
        }
        closeFiles();
    }

    /** When this fails the mark may be gone: nothing must be written any more. */
    private void markClosed() throws IOException {
        try {
            stack.shrink(moveAtCloseBytes);
            if (area.resumed()) {
                stack.top().collectLeaked();
            }
            beforeClosed.accept(stack.top());
            stack.top().markClosed();
        } catch (IOException e) {
            abort(e);
            throw e;
        }
    }

    /** Flushes if it can, then lets go without clearing the in-use mark. {@link #detach} is the proper end. */
    @Override
    public void close() throws IOException {
        if (state == DeviceState.CLOSED) {
            return;
        }
        try {
            if (writable && state == DeviceState.RUNNING) {
                flushes.flush(flushWork);
            }
        } finally {
            state = DeviceState.CLOSED;
            closeFiles();
        }
    }

    private void closeFiles() throws IOException {
        for (DeviceView view : views) {
            view.close();
        }
        stack.close();
    }

    private void checkRange(long offsetBytes, long lengthBytes) {
        if (offsetBytes < 0 || lengthBytes < 0 || offsetBytes > sizeBytes - lengthBytes) {
            throw new IllegalArgumentException(name + ": " + lengthBytes + " bytes at " + offsetBytes
                    + " are not within the disk of " + sizeBytes + " bytes");
        }
    }

    private IOException refused() {
        return state == DeviceState.CLOSED
                ? closed()
                : new ImageException(
                        ImageException.Kind.SUSPECT,
                        name + ": the device is read-only since its disk failed (" + aborted.reason()
                                + "); detach it and check the image");
    }

    private IOException closed() {
        return new ImageException(ImageException.Kind.INVALID_REQUEST, name + ": the device is closed");
    }
}
