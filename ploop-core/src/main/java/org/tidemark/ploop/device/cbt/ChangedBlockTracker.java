package org.tidemark.ploop.device.cbt;

import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.device.cbt.TrackerState.Consumer;
import org.tidemark.ploop.device.cbt.TrackerState.Live;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.FlushRounds;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageException;

/**
 * The changed-block tracker of one device. See the package's essay.
 *
 * <p>{@link #mark} is called by every writer before it writes. {@link #begin} is called while no writer is inside (the
 * device's gate is shut). Everything else may be called at any time by any thread.
 */
public final class ChangedBlockTracker implements Closeable {
    /** More than so many consumers are refused. */
    public static final int MAX_CONSUMERS = TrackerState.MAX_CONSUMERS;

    /**
     * How far numbers jump after a power loss. Generations begun after the last {@code persist} are forgotten, but a
     * consumer may have kept one as its checkpoint: their numbers must not come again.
     */
    private static final long GENERATION_GAP = 1L << 32;

    private static final System.Logger LOG = System.getLogger(ChangedBlockTracker.class.getName());

    private final StateArea area;
    private final AlignedBuffer slots;
    /** Where the file is; null for a tracker that does not outlive the machine. */
    private volatile @Nullable ImageDirectory folder;

    private volatile String fileName;
    /** Null when the tracker has no file, or lost it. */
    private volatile @Nullable TrackerFile file;

    private volatile @Nullable IntentRegions intent;
    /** The generation that writers mark. */
    private volatile BitmapGeneration current;
    /** Guarded by this, as all below. */
    private TrackerState state;

    private long sequence;
    private final TreeMap<Long, BitmapGeneration> bitmaps = new TreeMap<>();
    private final Object persisting = new Object();
    /** What the file holds; guarded by this. */
    private TrackerState stored;
    /** What the file will hold if the {@code persist} under way succeeds; guarded by this. */
    private TrackerState storing;
    /** Regions that no generation needs any more and that a {@code persist} under way may still read; guarded by this. */
    private final List<String> unneeded = new ArrayList<>();

    /** Regions that {@link #prepareGrowth} made; guarded by this. */
    private final Set<String> prepared = new HashSet<>();

    private @Nullable TrackerFile lostFile;
    /** Makes the disk's data durable; null as long as there is no device. */
    private volatile FlushRounds.@Nullable Work dataFlush;
    /** Which generation's bits a file slot holds. Guarded by {@code persisting}. */
    private final Map<Integer, Long> slotContent = new HashMap<>();

    private ChangedBlockTracker(
            StateArea area, AlignedBuffer slots, @Nullable ImageDirectory folder, String fileName, TrackerState state)
            throws IOException {
        this.area = area;
        this.slots = slots;
        this.folder = folder;
        this.fileName = fileName;
        this.state = state;
        this.stored = state;
        this.storing = state;
        for (Live live : state.generations()) {
            bitmaps.put(live.number(), newBitmap(live.number()));
        }
        this.current = bitmaps.lastEntry().getValue();
    }

    /** What is known of the image when a tracker is opened. */
    public enum ImageCondition {
        /** It was closed properly; the identity tells whether anybody else wrote to it since. */
        CLOSED,
        /** It was not closed, it is still marked in use, and the owner record beside it is ours. */
        CRASHED_IN_OUR_HANDS,
        /** It was not closed and nothing proves who wrote to it. */
        UNKNOWN
    }

    /**
     * Opens the tracker of a device: from what a killed predecessor left, else from its file, else a new one.
     *
     * @param folder where the tracker's file lies, or null for a tracker that does not outlive the machine
     * @param identity what the image looks like now; compared with what it looked like when it was closed
     * @param ids makes identities for new trackers
     */
    public static ChangedBlockTracker open(
            StateArea area,
            long diskSizeBytes,
            @Nullable ImageDirectory folder,
            String fileName,
            ImageCondition condition,
            String identity,
            Supplier<UUID> ids)
            throws IOException {
        AlignedBuffer slots = area.region("cbt.state", StateSlots.BYTES);
        StateSlots.Found left = area.resumed() ? StateSlots.read(slots, 0) : null;
        // A predecessor that was killed while the disk became larger knew every change of the smaller one.
        boolean continues = left != null && left.state().diskSizeBytes() <= diskSizeBytes;
        long fileSizeBytes = left != null && continues ? left.state().diskSizeBytes() : diskSizeBytes;
        TrackerFile.Opened opened = folder == null ? null : openFile(folder, fileName, fileSizeBytes);
        if (left != null && continues) {
            ChangedBlockTracker tracker = new ChangedBlockTracker(area, slots, folder, fileName, left.state());
            tracker.sequence = left.sequence();
            tracker.resume(opened);
            tracker.grow(diskSizeBytes);
            return tracker;
        }
        String doubt = doubt(opened, condition, identity);
        if (opened != null && doubt.isEmpty()) {
            ChangedBlockTracker tracker = new ChangedBlockTracker(
                    area, slots, folder, fileName, opened.state().withClosed(false, ""));
            try {
                tracker.load(opened);
                return tracker;
            } catch (IOException e) {
                LOG.log(System.Logger.Level.WARNING, fileName + ": cannot be read", e);
                doubt = "the tracker's file could not be read";
            }
        }
        if (opened != null) {
            opened.file().close();
        }
        TrackerState fresh = TrackerState.fresh(ids.get(), diskSizeBytes, doubt);
        ChangedBlockTracker tracker = new ChangedBlockTracker(area, slots, folder, fileName, fresh);
        tracker.startFile();
        return tracker;
    }

    /**
     * Tells the tracker of a closed image that the image looks different now, although its content is what it was: its
     * files were rearranged. Does nothing when the file is not that of an image closed as {@code identity}. Durable on
     * return; a crash before leaves a tracker that does not know the image, and the next backup reads everything.
     */
    public static void rebind(
            ImageDirectory folder, String fileName, long diskSizeBytes, String identity, String changedIdentity)
            throws IOException {
        TrackerFile.Opened opened = openFile(folder, fileName, diskSizeBytes);
        if (opened == null) {
            return;
        }
        try (TrackerFile file = opened.file()) {
            if (opened.state().closed() && opened.state().identity().equals(identity)) {
                file.store(opened.state().withClosed(true, changedIdentity));
            }
        }
    }

    /** A file that cannot be read is as good as none: it will be replaced, or the image is not opened. */
    private static TrackerFile.@Nullable Opened openFile(ImageDirectory folder, String fileName, long diskSizeBytes) {
        try {
            return TrackerFile.open(folder, fileName, diskSizeBytes);
        } catch (IOException e) {
            LOG.log(System.Logger.Level.WARNING, fileName + ": cannot be read", e);
            return null;
        }
    }

    /** Why the file cannot be believed; empty when it can. */
    private static String doubt(TrackerFile.@Nullable Opened opened, ImageCondition condition, String identity) {
        if (opened == null) {
            return "tracking began when the image was attached";
        }
        TrackerState state = opened.state();
        if (state.closed()) {
            return condition == ImageCondition.CLOSED && state.identity().equals(identity)
                    ? ""
                    : "the image was changed by somebody else since it was detached";
        }
        return condition == ImageCondition.CRASHED_IN_OUR_HANDS
                ? ""
                : "the tracker was not closed, and nothing proves that nobody else wrote to the image since";
    }

    /**
     * Nothing of the file that the predecessor did not flush may be relied on: everything is persisted once. Without the
     * predecessor's file nobody knows which regions hold data that is not durable: no file then until the next attach.
     */
    private void resume(TrackerFile.@Nullable Opened opened) throws IOException {
        dropNext();
        if (opened == null || !opened.state().trackerId().equals(state.trackerId())) {
            if (opened != null) {
                opened.file().close();
            }
            loseFile(null, new IOException(fileName + ": is not the predecessor's"));
            return;
        }
        try {
            bitmaps.values().forEach(BitmapGeneration::markAllUnpersisted);
            useFile(opened.file(), true);
            adoptSlots(opened.state());
            opened.file().flush();
        } catch (IOException e) {
            loseFile(opened.file(), e);
            return;
        }
        persistOrLoseFile();
    }

    private void adoptSlots(TrackerState inFile) {
        synchronized (persisting) {
            inFile.generations().forEach(live -> slotContent.put(live.fileSlot(), live.number()));
            synchronized (this) {
                stored = inFile;
                storing = inFile;
            }
        }
    }

    private void load(TrackerFile.Opened opened) throws IOException {
        loadBits(opened);
        persistOrLoseFile();
    }

    private synchronized void loadBits(TrackerFile.Opened opened) throws IOException {
        TrackerFile loaded = opened.file();
        for (Live live : state.generations()) {
            loaded.load(bitmap(live.number()), live.fileSlot());
        }
        adoptSlots(opened.state());
        IntentRegions regions = useFile(loaded, true);
        for (int region = 0; region < regions.count(); region++) {
            if (regions.isOpen(region)) {
                long offset = (long) region << IntentRegions.REGION_SHIFT;
                current.mark(offset, Math.min(IntentRegions.REGION_BYTES, state.diskSizeBytes() - offset));
            }
        }
        if (!opened.state().closed()) {
            makeRoom();
            addGeneration(state.current() + GENERATION_GAP);
        }
        storeInArea();
        current = bitmap(state.current());
    }

    private void startFile() throws IOException {
        ImageDirectory where = folder;
        synchronized (this) {
            storeInArea();
        }
        if (where == null) {
            return;
        }
        try {
            useFile(TrackerFile.create(where, fileName, state), false);
            adoptSlots(state);
        } catch (IOException e) {
            loseFile(null, e);
        }
    }

    private void persistOrLoseFile() throws IOException {
        if (!persisted(false)) {
            loseFile(file, new IOException(fileName + ": could not be brought up to date"));
        }
    }

    private IntentRegions useFile(TrackerFile newFile, boolean loadIntent) throws IOException {
        IntentRegions regions = new IntentRegions(newFile, state.diskSizeBytes());
        file = newFile;
        if (loadIntent) {
            regions.load();
        }
        intent = regions;
        return regions;
    }

    /** Identity of the tracker; a new one means that every earlier checkpoint is unknown. */
    public synchronized UUID trackerId() {
        return state.trackerId();
    }

    /** Why this tracker began, in words. */
    public synchronized String origin() {
        return state.origin();
    }

    /** Regions of 4 MiB that would count as changed after a power loss now. */
    public int openRegions() {
        IntentRegions regions = intent;
        return regions == null ? 0 : regions.openCount();
    }

    /**
     * Records that the range is about to change. On return the change will be known after a kill and after a power loss.
     * Allocates nothing once a region is open.
     */
    public void mark(long offsetBytes, long lengthBytes) throws IOException {
        current.mark(offsetBytes, lengthBytes);
        touch(offsetBytes, lengthBytes);
    }

    /**
     * Records that a change which was {@linkplain #mark marked} was carried out, or tried. Its region stays open until the
     * data was flushed: a power loss may take back what a backup has read already, and that is a change, too.
     */
    public void written(long offsetBytes, long lengthBytes) throws IOException {
        touch(offsetBytes, lengthBytes);
    }

    /** Says how the disk's data is made durable; before that is known no region is ever closed. */
    public void flushDataWith(FlushRounds.Work flush) {
        dataFlush = flush;
    }

    private void touch(long offsetBytes, long lengthBytes) throws IOException {
        IntentRegions regions = intent;
        if (regions != null) {
            try {
                regions.touch(offsetBytes, lengthBytes);
            } catch (IOException e) {
                TrackerFile broken = file;
                if (broken != null) {
                    loseFile(broken, e);
                }
            }
        }
    }

    /** Makes the memory of the next generation, so that {@link #begin} need not. */
    public synchronized void prepareBegin() throws IOException {
        newBitmap(state.current() + 1);
    }

    /**
     * Ends the current generation and begins the next one: the instant of a backup. The caller keeps writers out.
     *
     * @param consumer who asks, usually a target's identity
     * @param since the checkpoint in the consumer's newest recovery point, or null if it has none
     */
    public synchronized Interval begin(String consumer, @Nullable Checkpoint since) throws IOException {
        if (state.consumers().size() >= TrackerState.MAX_CONSUMERS
                && !state.consumers().containsKey(consumer)) {
            throw new IllegalArgumentException("a disk can have " + TrackerState.MAX_CONSUMERS
                    + " consumers of its changes at most; remove one before adding '" + consumer + "'");
        }
        Consumer known = state.consumers().getOrDefault(consumer, new Consumer(-1, -1));
        String reason = unknownBecause(known, since);
        long start = reason.isEmpty() && since != null ? since.generation() : -1;
        makeRoom();
        long next = state.current() + 1;
        List<BitmapGeneration> changed = new ArrayList<>();
        if (start >= 0) {
            changed.addAll(bitmaps.tailMap(start, true).values());
        }
        addGeneration(next);
        state = state.withConsumer(consumer, new Consumer(start, next));
        storeInArea();
        current = bitmap(next);
        Checkpoint end = new Checkpoint(state.trackerId(), next);
        return new Interval(start >= 0 ? since : null, end, reason, state.diskSizeBytes(), changed);
    }

    /** Backups that were begun again and again without being given up leave generations that nobody needs. */
    private void makeRoom() {
        if (state.generations().size() >= TrackerState.MAX_GENERATIONS - 1) {
            fold();
        }
    }

    private void addGeneration(long number) throws IOException {
        bitmaps.put(number, newBitmap(number));
        List<Live> live = new ArrayList<>(state.generations());
        live.add(new Live(number, state.freeFileSlot(stored, storing)));
        state = state.withGenerations(live);
    }

    private String unknownBecause(Consumer known, @Nullable Checkpoint since) {
        if (since == null) {
            return "there is no earlier recovery point";
        }
        if (!since.trackerId().equals(state.trackerId())) {
            return state.origin().isEmpty() ? "the tracker began anew" : state.origin();
        }
        if (since.generation() != known.committed() && since.generation() != known.pending()) {
            return "the tracker does not keep checkpoint " + since;
        }
        return "";
    }

    /** The consumer's recovery point for the interval that ended at {@code checkpoint} is committed. */
    public void commit(String consumer, Checkpoint checkpoint) throws IOException {
        synchronized (this) {
            Consumer known = state.consumers().get(consumer);
            if (known == null
                    || !checkpoint.trackerId().equals(state.trackerId())
                    || known.pending() != checkpoint.generation()) {
                return;
            }
            state = state.withConsumer(consumer, new Consumer(checkpoint.generation(), -1));
            fold();
        }
        persist();
    }

    /** The backup came to nothing: its interval goes back into what changed since the one before. */
    public void abandon(String consumer, Checkpoint checkpoint) throws IOException {
        synchronized (this) {
            Consumer known = state.consumers().get(consumer);
            if (known == null || known.pending() != checkpoint.generation()) {
                return;
            }
            state = known.committed() < 0
                    ? state.withoutConsumer(consumer)
                    : state.withConsumer(consumer, new Consumer(known.committed(), -1));
            fold();
        }
        persist();
    }

    /** What was committed last for a consumer. */
    public synchronized Optional<Checkpoint> committed(String consumer) {
        Consumer known = state.consumers().get(consumer);
        return known == null || known.committed() < 0
                ? Optional.empty()
                : Optional.of(new Checkpoint(state.trackerId(), known.committed()));
    }

    /** The names of all consumers. */
    public synchronized Set<String> consumers() {
        return Set.copyOf(state.consumers().keySet());
    }

    /** The consumer is gone for good. */
    public void forget(String consumer) throws IOException {
        synchronized (this) {
            state = state.withoutConsumer(consumer);
            fold();
        }
        persist();
    }

    /** Merges generations that nobody needs apart, drops those that nobody needs at all. Their memory goes later. */
    private void fold() {
        List<Live> live = new ArrayList<>();
        List<Live> gone = new ArrayList<>();
        for (Live next : state.generations()) {
            if (!live.isEmpty() && !state.needs(next.number())) {
                Live previous = live.remove(live.size() - 1);
                bitmap(next.number()).addAll(bitmap(previous.number()));
                bitmap(previous.number()).leaveTo(bitmap(next.number()));
                gone.add(previous);
            }
            live.add(next);
        }
        while (live.size() > 1 && !neededFrom(live.get(0).number())) {
            Live dropped = live.remove(0);
            bitmap(dropped.number()).leaveTo(null);
            gone.add(dropped);
        }
        state = state.withGenerations(live);
        storeInArea();
        for (Live old : gone) {
            bitmaps.remove(old.number());
            unneeded.add(regionName(old.number()));
        }
    }

    /** Whether a consumer asks for changes since this generation or an earlier one. */
    private boolean neededFrom(long generation) {
        return state.consumers().values().stream()
                .anyMatch(c -> (c.committed() >= 0 && c.committed() <= generation)
                        || (c.pending() >= 0 && c.pending() <= generation));
    }

    /**
     * Flushes the disk, makes everything marked so far durable and closes regions that are idle. Called after a checkpoint (not while the file
     * system is frozen), after a commit, now and then, and before closing. A failure is told in the log only: the file
     * stays as it was, its regions stay open, and a later call makes up for it.
     */
    public void persist() {
        persisted(false);
    }

    /** Runs {@code work} while nothing is being persisted: work that may not wait for a flush, as {@link #grow}. */
    public void whileNotPersisted(FlushRounds.Work work) throws IOException {
        synchronized (persisting) {
            work.run();
        }
    }

    /**
     * Gives the tracker's file a further name in another folder; durable on return. Does nothing when there is no file. Like
     * {@link #moved}, while nobody writes and nothing is being persisted.
     */
    public void link(ImageDirectory newFolder, String newName) throws IOException {
        ImageDirectory where = folder;
        if (where != null && file != null) {
            where.link(fileName, newFolder, newName);
            newFolder.sync();
        }
    }

    /** The name that {@link #link} gave is the file's own from now on. */
    public void moved(ImageDirectory newFolder, String newName) {
        if (folder != null) {
            folder = newFolder;
            fileName = newName;
        }
    }

    /** Makes the memory that {@link #grow} needs, so that a lack of it is found before anything has changed. */
    public synchronized void prepareGrowth(long newSizeBytes) throws IOException {
        if (newSizeBytes > BitmapGeneration.MAX_DISK_BYTES) {
            throw new ImageException(
                    ImageException.Kind.INVALID_REQUEST,
                    "the changes of a disk of " + newSizeBytes + " bytes cannot be tracked, at most of one of "
                            + BitmapGeneration.MAX_DISK_BYTES + "; grow it in smaller steps, or attach it untracked");
        }
        if (newSizeBytes != state.diskSizeBytes()) {
            for (long number : bitmaps.keySet()) {
                makeSized(number, newSizeBytes);
            }
        }
    }

    private AlignedBuffer makeSized(long number, long newSizeBytes) throws IOException {
        String name = sizedName(number, newSizeBytes);
        if (prepared.add(name)) {
            // A predecessor that was killed may have left one.
            area.drop(name);
        }
        return area.region(name, BitmapGeneration.regionBytes(newSizeBytes));
    }

    /**
     * The disk is larger from now on; what lies behind its old end reads as zeros and was not changed. Nobody writes, all
     * that was written is durable, and nothing is being persisted.
     *
     * <pre>
     *   larger bitmaps in the area | state in the area: they count | a file with all their bits replaces the old one
     * </pre>
     *
     * A successor of a killed process finds the old state with the old bitmaps or the new one with the new; after a power
     * loss a file for another size than the disk has is not believed.
     */
    public void grow(long newSizeBytes) throws IOException {
        List<BitmapGeneration> grown = new ArrayList<>();
        TrackerState next;
        synchronized (this) {
            if (newSizeBytes == state.diskSizeBytes()) {
                return;
            }
            dropNext();
            for (BitmapGeneration old : bitmaps.values()) {
                AlignedBuffer memory = makeSized(old.number(), newSizeBytes);
                BitmapGeneration larger = new BitmapGeneration(old.number(), newSizeBytes, memory);
                larger.addAll(old);
                grown.add(larger);
                unneeded.add(regionName(old.number()));
            }
            next = state.withDiskSize(newSizeBytes);
            state = next;
            storeInArea();
            for (BitmapGeneration larger : grown) {
                bitmap(larger.number()).leaveTo(larger);
                bitmaps.put(larger.number(), larger);
            }
            current = bitmap(next.current());
        }
        growFile(next, grown);
    }

    private void growFile(TrackerState next, List<BitmapGeneration> grown) throws IOException {
        ImageDirectory where = folder;
        TrackerFile old = file;
        if (where == null || old == null) {
            return;
        }
        try {
            TrackerFile fresh = TrackerFile.createWith(where, fileName, next, grown);
            slotContent.clear();
            adoptSlots(next);
            useFile(fresh, false);
            old.close();
        } catch (IOException e) {
            loseFile(old, e);
        }
    }

    private boolean flushData() {
        FlushRounds.Work flush = dataFlush;
        if (flush == null) {
            return false;
        }
        try {
            flush.run();
            return true;
        } catch (IOException e) {
            LOG.log(System.Logger.Level.WARNING, "the regions of the changed-block tracker stay open", e);
            return false;
        }
    }

    private boolean persisted(boolean dataIsDurable) {
        synchronized (persisting) {
            TrackerFile target = file;
            IntentRegions regions = intent;
            List<String> droppable = takeUnneeded();
            boolean done = false;
            if (target != null && regions != null) {
                try {
                    regions.beginRound();
                    boolean closeRegions = dataIsDurable || flushData();
                    TrackerState next = writeBitmaps(target);
                    target.store(next);
                    synchronized (this) {
                        stored = next;
                    }
                    if (closeRegions) {
                        regions.endRound();
                    }
                    done = true;
                } catch (IOException e) {
                    LOG.log(System.Logger.Level.WARNING, "persisting the changed-block tracker failed", e);
                }
            }
            drop(droppable);
            return done;
        }
    }

    private synchronized List<String> takeUnneeded() {
        List<String> taken = List.copyOf(unneeded);
        unneeded.clear();
        return taken;
    }

    private void drop(List<String> regionNames) {
        for (String name : regionNames) {
            try {
                area.drop(name);
            } catch (IOException e) {
                LOG.log(System.Logger.Level.WARNING, name + ": its memory could not be given back", e);
            }
        }
    }

    private TrackerState writeBitmaps(TrackerFile target) throws IOException {
        TrackerState next;
        List<BitmapGeneration> wanted = new ArrayList<>();
        synchronized (this) {
            next = state;
            storing = next;
            for (Live live : next.generations()) {
                wanted.add(bitmap(live.number()));
            }
        }
        clearTakenSlots(target, next);
        for (int i = 0; i < wanted.size(); i++) {
            target.writeUnpersisted(wanted.get(i), next.generations().get(i).fileSlot());
        }
        return next;
    }

    /** A slot that changes its generation must not show the old one's bits. The file's own state does not name it. */
    private void clearTakenSlots(TrackerFile target, TrackerState next) throws IOException {
        for (Live live : next.generations()) {
            Long held = slotContent.get(live.fileSlot());
            if (held == null || held != live.number()) {
                target.clearSlot(live.fileSlot());
                slotContent.put(live.fileSlot(), live.number());
            }
        }
    }

    /**
     * The file can no longer be kept right: it must not be believed after a power loss. Throws when it cannot even be
     * removed.
     *
     * @param broken the file, for the first of several threads to find it broken; null when there is only a name
     */
    private synchronized void loseFile(@Nullable TrackerFile broken, IOException cause) throws IOException {
        ImageDirectory where = folder;
        if (where == null || broken != file) {
            return;
        }
        LOG.log(
                System.Logger.Level.WARNING,
                "the changed-block tracker lost its file; after a crash a backup reads all",
                cause);
        if (where.exists(fileName)) {
            where.delete(fileName);
        }
        where.sync();
        // Others may be using it right now; it is closed with the tracker.
        lostFile = broken;
        file = null;
        intent = null;
    }

    /** Ends tracking: the image was closed properly and looks like {@code identity} now. */
    public void close(String identity) throws IOException {
        synchronized (persisting) {
            TrackerFile target = file;
            // What is stored last has to be what was persisted: a later state may name bits that the file does not
            // have.
            if (persisted(true) && target != null) {
                target.store(storing().withClosed(true, identity));
            }
            close();
        }
    }

    private synchronized TrackerState storing() {
        return storing;
    }

    /** Lets go without saying that the image was closed: a crash, as far as the file is concerned. */
    @Override
    public void close() throws IOException {
        synchronized (persisting) {
            TrackerFile target;
            TrackerFile lost;
            synchronized (this) {
                target = file;
                lost = lostFile;
                file = null;
                intent = null;
                lostFile = null;
            }
            if (target != null) {
                target.close();
            }
            if (lost != null) {
                lost.close();
            }
        }
    }

    private BitmapGeneration newBitmap(long number) throws IOException {
        int bytes = BitmapGeneration.regionBytes(state.diskSizeBytes());
        return new BitmapGeneration(number, state.diskSizeBytes(), area.region(regionName(number), bytes));
    }

    private BitmapGeneration bitmap(long number) {
        BitmapGeneration found = bitmaps.get(number);
        if (found == null) {
            throw new IllegalStateException("generation " + number + " has no bitmap");
        }
        return found;
    }

    /** A disk that became larger while it was served has regions of another size, and so of another name. */
    private String regionName(long number) {
        String sized = sizedName(number, state.diskSizeBytes());
        return area.exists(sized) ? sized : plainName(number);
    }

    private static String plainName(long number) {
        return "cbt.generation." + number;
    }

    private static String sizedName(long number, long diskSizeBytes) {
        return plainName(number) + "." + diskSizeBytes;
    }

    /** What {@link #prepareBegin} made is not true any more. */
    private void dropNext() throws IOException {
        area.drop(sizedName(state.current() + 1, state.diskSizeBytes()));
        area.drop(plainName(state.current() + 1));
    }

    private void storeInArea() {
        sequence++;
        StateSlots.write(slots, StateSlots.offsetFor(sequence), state, sequence);
    }
}
