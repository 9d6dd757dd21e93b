package org.tidemark.ploop.chain;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.chain.AttachedImage.Use;
import org.tidemark.ploop.chain.DiskDescriptor.Shot;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.check.Finding;
import org.tidemark.ploop.contract.ChainDisk;
import org.tidemark.ploop.device.DeviceState;
import org.tidemark.ploop.device.DeviceView;
import org.tidemark.ploop.device.Instant;
import org.tidemark.ploop.device.KeptState;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.device.cbt.ChangedBlockTracker;
import org.tidemark.ploop.device.cbt.Checkpoint;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.Formats;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.format.raw.RawFormat;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.HostIdentity;
import org.tidemark.ploop.sim.CrashCount;
import org.tidemark.ploop.sim.CrashPlan;
import org.tidemark.ploop.sim.DiskModel;
import org.tidemark.ploop.sim.FaultPlan;
import org.tidemark.ploop.sim.Killed;
import org.tidemark.ploop.sim.MortalDirectory;
import org.tidemark.ploop.sim.OrderCheckedDirectory;
import org.tidemark.ploop.sim.SimulatedDisk;

/**
 * One random life of an attached image whose snapshots come and go under its writers, with kills and power cuts anywhere.
 * After each, the disk holds a legal value everywhere, every snapshot holds what was frozen, none that was acknowledged is
 * missing, and increments laid over each other are the disk.
 */
public final class AttachedChainRun {
    private static final String BASE = "root.hdd";
    private static final int CLUSTER = 32 * 1024;
    private static final int DISK = 10 * CLUSTER;
    private static final int CHUNK = DeviceView.CHUNK_BYTES;
    private static final int MAX_LEVELS = 5;
    private static final HostIdentity HOST = new HostIdentity("host-a", "boot-1");

    private final Start start;
    private final Random random;
    private final Path scratch;
    private final UnaryOperator<ImageDirectory> program;
    private final UnaryOperator<StateArea> memory;
    private final AlignedBuffer buffer = AlignedBuffer.allocate(DISK);
    private final AlignedBuffer readBuffer = AlignedBuffer.allocate(DISK);
    private final DiskModel model = new DiskModel(DISK);
    private final Map<String, byte[]> snapshots = new LinkedHashMap<>();
    private final Set<String> mayBeGone = new HashSet<>();
    private byte @Nullable [] maybeFrozen;

    private SimulatedDisk disk = new SimulatedDisk();
    private KeptState area = new KeptState();
    private @Nullable MortalDirectory process;
    private @Nullable AttachedImage image;
    private boolean merging;
    private boolean inside;
    private int armed;
    /** Whether the disk fails requests now and then. */
    private boolean disksFail;

    /** Whether a request fails soon, or has failed and nobody has noticed. */
    private boolean failing;

    private int failures;
    private int writesWhileMerging;
    private int brokenFirsts;
    private int compactions;

    private byte[] point = new byte[DISK];
    private @Nullable Checkpoint since;
    private int viewNumber;

    /** What the image is at first. */
    enum Start {
        FOLDER,
        /** A single file, which its first snapshot makes a folder of. */
        EXPANDED_FILE,
        RAW_FILE
    }

    AttachedChainRun(
            Random random, Path scratch, UnaryOperator<ImageDirectory> program, UnaryOperator<StateArea> memory) {
        this(Start.FOLDER, random, scratch, program, memory);
    }

    AttachedChainRun(
            Start start,
            Random random,
            Path scratch,
            UnaryOperator<ImageDirectory> program,
            UnaryOperator<StateArea> memory) {
        this.start = start;
        this.random = random;
        this.scratch = scratch;
        this.program = program;
        this.memory = memory;
    }

    /** A short life for many seeds. */
    public static void shortly(Random random) throws IOException {
        try (Scratch scratch = new Scratch()) {
            Start start = Start.values()[random.nextInt(Start.values().length)];
            new AttachedChainRun(start, random, scratch.folder(), UnaryOperator.identity(), UnaryOperator.identity())
                    .go(6 + random.nextInt(14), true);
        }
    }

    /** A short life on a disk that fails writes and flushes, and loses what a failed flush should have written. */
    public static void onFailingDisk(Random random) throws IOException {
        try (Scratch scratch = new Scratch()) {
            Start start = Start.values()[random.nextInt(Start.values().length)];
            AttachedChainRun run = new AttachedChainRun(
                    start, random, scratch.folder(), UnaryOperator.identity(), UnaryOperator.identity());
            run.disksFail = true;
            run.go(12 + random.nextInt(20), true);
        }
    }

    /** How many requests the disk failed. */
    int failures() {
        return failures;
    }

    /** Whether the single file it began with is a folder. */
    boolean becameFolder() {
        return start != Start.FOLDER && !isLone();
    }

    /** Pauses in which a cluster was moved. */
    int compactions() {
        return compactions;
    }

    /** Kills and power cuts in the middle of a first snapshot. */
    int brokenFirsts() {
        return brokenFirsts;
    }

    /** How often something was written while a merge was under way. */
    int writesWhileMerging() {
        return writesWhileMerging;
    }

    void go(int steps) throws IOException {
        go(steps, false);
    }

    private void go(int steps, boolean crashes) throws IOException {
        makeImage();
        attach(Use.READ_WRITE);
        for (int i = 0; i < steps; i++) {
            try {
                if (disksFail && random.nextInt(3) == 0) {
                    armFailure();
                }
                step();
                if (armed > 0 && --armed == 0) {
                    mortal().spare();
                }
            } catch (Killed e) {
                die();
            } catch (IOException e) {
                if (!failing || disk.faults().pending()) {
                    throw e;
                }
                afterFailure();
            }
        }
        mortal().spare();
        if (failing) {
            afterFailure();
        }
        if (crashes) {
            die();
        }
        backup(true);
        checkEverything();
        current().close();
        checkFiles();
    }

    private void makeImage() throws IOException {
        if (start == Start.FOLDER) {
            ChainFiles.create(disk, BASE, DISK, CLUSTER);
            return;
        }
        boolean raw = start == Start.RAW_FILE;
        try (ImageIo io = disk.create(BASE)) {
            Formats.byId(raw ? RawFormat.ID : ExpandedFormat.ID)
                    .create(io, new DeltaGeometry(DISK, raw ? 512 : CLUSTER));
            io.flush();
        }
        disk.sync();
    }

    /** Whether the image is a single file still. */
    private boolean isLone() {
        return start != Start.FOLDER && !disk.hasFolder(BASE);
    }

    /** The folder of the image's files. */
    private ImageDirectory home(ImageDirectory root) throws IOException {
        return start == Start.FOLDER || isLone() ? root : root.folder(BASE);
    }

    private ChainFiles filesIn(ImageDirectory root) throws IOException {
        return isLone() ? ChainFiles.loneFile(root, BASE) : ChainFiles.in(home(root));
    }

    private List<Shot> shots() throws IOException {
        return isLone() ? List.of() : descriptor().shots();
    }

    private MortalDirectory mortal() {
        assertThat(process).isNotNull();
        return process;
    }

    private AttachedImage current() {
        AttachedImage now = image;
        assertThat(now).isNotNull();
        return now;
    }

    private void attach(Use use) throws IOException {
        merging = false;
        inside = false;
        armed = 0;
        MortalDirectory fresh = new MortalDirectory(new OrderCheckedDirectory(program.apply(disk)));
        process = fresh;
        ChainFiles files = filesIn(new BusyFolder(fresh, this::others));
        image = AttachedImage.open(
                files, use, memory.apply(area), () -> {}, true, new OwnerRecord(HOST, 1), this::newId);
    }

    private UUID newId() {
        return new UUID(random.nextLong(), random.nextLong());
    }

    /** What the container does while an operation works. */
    private void others() throws IOException {
        AttachedImage now = image;
        if (merging && !inside && now != null && now.state() == DeviceState.RUNNING && random.nextInt(3) == 0) {
            inside = true;
            try {
                writesWhileMerging++;
                if (random.nextInt(4) == 0) {
                    flush();
                } else {
                    change(random.nextInt(4) == 0);
                }
            } finally {
                inside = false;
            }
        }
    }

    private void step() throws IOException {
        switch (random.nextInt(26)) {
            case 0, 1, 2 -> create();
            case 3, 4 -> delete();
            case 5 -> merge();
            case 6 -> cancelled();
            case 7, 8 -> backup(random.nextInt(4) > 0);
            case 9, 10, 11 -> arm();
            case 12 -> die();
            case 13 -> flush();
            case 14 -> change(true);
            case 15 -> checkEverything();
            case 16 -> whileDetached();
            case 17, 18 -> compact();
            default -> change(false);
        }
    }

    private void arm() {
        if (armed == 0) {
            armed = 6;
            mortal().killAfter(random.nextInt(50));
        }
    }

    /** One of the next writes or flushes fails; a flush loses what it should have written, in any part. */
    private void armFailure() {
        if (!failing) {
            failing = true;
            boolean flushes = random.nextBoolean();
            disk.whenFlushesFail(CrashPlan.random(random));
            disk.faults()
                    .failNth(
                            1 + random.nextInt(12),
                            attempt -> attempt.kind() == FaultPlan.Kind.FLUSH
                                    || (!flushes && attempt.kind() == FaultPlan.Kind.WRITE),
                            Errno.EIO);
        }
    }

    /**
     * Whatever was going on has said that it failed. The image is taken over or detached, and attached anew on this machine or
     * after its power went: nothing that was acknowledged as durable may be missing.
     */
    private void afterFailure() throws IOException {
        failures += disk.faults().pending() ? 0 : 1;
        armed = 0;
        failing = false;
        mortal().spare();
        disk.faults().clear();
        int next = random.nextInt(4);
        if (next == 0) {
            if (takenOver()) {
                return;
            }
        } else if (image != null && next == 1) {
            long mark = model.flushBegins();
            try {
                DeviceState before = current().state();
                current().close();
                if (before == DeviceState.RUNNING) {
                    model.flushEnded(mark);
                }
            } catch (ImageException e) {
                // It was aborted.
            }
        }
        if (random.nextBoolean()) {
            disk = disk.crash(random);
        } else {
            CrashCount.one();
            disk.killAll();
        }
        area = new KeptState();
        attach(Use.READ_WRITE);
        checkMarks();
        model.checkAfterCrash(this::read);
        checkLevels();
    }

    /** Whether a successor serves the image; it refuses what its predecessor left half done, or an aborted device. */
    private boolean takenOver() throws IOException {
        area = area.successor();
        try {
            attach(Use.TAKE_OVER);
        } catch (ImageException e) {
            return false;
        }
        if (current().state() != DeviceState.RUNNING) {
            return false;
        }
        model.checkVisible(this::read);
        checkLevels();
        return true;
    }

    /** The process is killed, or the power goes. */
    private void die() throws IOException {
        if (failing) {
            // Nobody can close what a killed process had open.
            image = null;
            afterFailure();
            return;
        }
        armed = 0;
        if (random.nextBoolean()) {
            CrashCount.one();
            area = area.successor();
            attach(Use.TAKE_OVER);
            checkMarks();
            model.checkVisible(this::read);
        } else {
            disk = disk.crash(random);
            area = new KeptState();
            attach(Use.READ_WRITE);
            checkMarks();
            model.checkAfterCrash(this::read);
        }
        checkLevels();
    }

    private DiskDescriptor descriptor() throws IOException {
        return DiskDescriptor.read(home(disk));
    }

    private void create() throws IOException {
        if (shots().size() >= MAX_LEVELS) {
            return;
        }
        byte[] frozen = content();
        maybeFrozen = frozen;
        long mark = model.flushBegins();
        String guid;
        brokenFirsts += isLone() ? 1 : 0;
        boolean first = isLone();
        try (AttachedImage.Change change = current().beginChange(this::newId, ChainProgress.NONE)) {
            guid = change.operations().create(current().files());
        }
        brokenFirsts -= first ? 1 : 0;
        model.flushEnded(mark);
        snapshots.put(guid, frozen);
        maybeFrozen = null;
    }

    private @Nullable Shot anyShot(boolean withTop) throws IOException {
        List<Shot> shots = new ArrayList<>(shots());
        String top = isLone() ? "" : descriptor().topGuid();
        shots.removeIf(shot -> !withTop && shot.guid().equals(top));
        return shots.isEmpty() ? null : shots.get(random.nextInt(shots.size()));
    }

    private interface Work {
        void on(SnapshotOperations operations, ChainFiles files) throws IOException;
    }

    private void merging(ChainProgress progress, Work work) throws IOException {
        merging = true;
        try (AttachedImage.Change change = current().beginChange(this::newId, progress)) {
            work.on(change.operations(), current().files());
        } finally {
            merging = false;
        }
    }

    private void delete() throws IOException {
        Shot shot = anyShot(false);
        if (shot == null) {
            return;
        }
        mayBeGone.add(shot.guid());
        merging(ChainProgress.NONE, (operations, files) -> operations.delete(files, shot.guid()));
        assertThat(descriptor().shots()).noneMatch(one -> one.guid().equals(shot.guid()));
        snapshots.remove(shot.guid());
    }

    private void merge() throws IOException {
        Shot shot = anyShot(true);
        if (shot == null || shot.parentGuid().equals(Guid.NONE)) {
            return;
        }
        mayBeGone.add(shot.parentGuid());
        merging(ChainProgress.NONE, (operations, files) -> operations.merge(files, shot.guid()));
        snapshots.remove(shot.parentGuid());
    }

    private void cancelled() throws IOException {
        Shot shot = anyShot(false);
        if (shot == null) {
            return;
        }
        mayBeGone.add(shot.guid());
        ChainProgress impatient = new ChainProgress() {
            private int asked = random.nextInt(3);

            @Override
            public void done(long clusters, long totalClusters) {
                // Not of interest.
            }

            @Override
            public boolean cancelled() {
                return asked-- <= 0;
            }
        };
        try {
            merging(impatient, (operations, files) -> operations.delete(files, shot.guid()));
            snapshots.remove(shot.guid());
        } catch (ChainCancelledException e) {
            assertThat(home(mortal()).exists(ChainIntent.FILE_NAME)).isFalse();
            assertThat(descriptor().requireShot(shot.guid()).temporary()).isTrue();
        }
        model.checkVisible(this::read);
    }

    /** Properly detached, its snapshots changed by a command, attached again: increments go on. */
    private void whileDetached() throws IOException {
        if (armed > 0) {
            return;
        }
        long mark = model.flushBegins();
        byte[] content = content();
        UUID before = tracker().trackerId();
        current().close();
        model.flushEnded(mark);
        image = null;
        maybeFrozen = content;
        SnapshotOperations operations = new SnapshotOperations(this::newId);
        Shot shot = anyShot(false);
        if (shot != null && random.nextBoolean()) {
            mayBeGone.add(shot.guid());
            operations.delete(filesIn(mortal()), shot.guid());
            snapshots.remove(shot.guid());
        } else if (isLone()) {
            snapshots.put(new FirstSnapshot(this::newId).take(filesIn(mortal())), content);
        } else if (shots().size() < MAX_LEVELS) {
            snapshots.put(operations.create(filesIn(mortal())), content);
        }
        maybeFrozen = null;
        area = new KeptState();
        attach(Use.READ_WRITE);
        assertThat(failing || failures > 0 ? before : tracker().trackerId())
                .as("the tracker of an image whose snapshots changed")
                .isEqualTo(before);
    }

    private ChangedBlockTracker tracker() {
        ChangedBlockTracker tracker = current().device().tracker();
        assertThat(tracker).isNotNull();
        return tracker;
    }

    /** Whole clusters become holes; then nothing but the files changes. */
    private void compact() throws IOException {
        for (int i = random.nextInt(3); i > 0; i--) {
            change(random.nextInt(DISK / CLUSTER) * CLUSTER, new byte[CLUSTER], true);
        }
        flush();
        long mark = model.flushBegins();
        try (AttachedImage.Change change = current().beginChange(this::newId, ChainProgress.NONE)) {
            while (change.compact(CLUSTER)) {
                compactions++;
                others();
            }
        }
        model.flushEnded(mark);
        model.checkVisible(this::read);
    }

    private void flush() throws IOException {
        long mark = model.flushBegins();
        current().flush();
        model.flushEnded(mark);
    }

    private void change(boolean discard) throws IOException {
        int offset = random.nextInt(DISK / 512) * 512;
        int length = Math.min((1 + random.nextInt(90)) * 512, DISK - offset);
        byte[] data = new byte[length];
        if (!discard) {
            random.nextBytes(data);
        }
        change(offset, data, discard);
    }

    private void change(int offset, byte[] data, boolean discard) throws IOException {
        int length = data.length;
        buffer.bytes().put(0, data);
        boolean done = false;
        try {
            if (discard) {
                current().discard(offset, length);
            } else {
                current().write(offset, buffer, 0, length);
            }
            model.wrote(offset, data);
            done = true;
        } finally {
            if (!done) {
                model.mayHaveWritten(offset, data);
            }
        }
    }

    private void read(long offset, byte[] dst) throws IOException {
        current().read(offset, readBuffer, 0, dst.length);
        readBuffer.bytes().get(0, dst);
    }

    private byte[] content() throws IOException {
        byte[] bytes = new byte[DISK];
        read(0, bytes);
        return bytes;
    }

    private void checkEverything() throws IOException {
        model.checkVisible(this::read);
        checkLevels();
        checkMarks();
    }

    /** The top is marked in use, and nothing below it but what is half merged. */
    private void checkMarks() throws IOException {
        if (isLone()) {
            return;
        }
        DiskDescriptor now = descriptor();
        for (Shot shot : now.shots()) {
            if (now.imageOf(shot).formatId().equals(RawFormat.ID)) {
                continue;
            }
            try (ImageIo io = home(disk).open(now.imageOf(shot).file(), ImageDirectory.OpenMode.READ_ONLY)) {
                boolean top = shot.guid().equals(now.topGuid());
                assertThat(ExpandedFormat.readHeader(io).inUse())
                        .as("the mark of " + io.name())
                        .isEqualTo(top);
            }
        }
    }

    /** Every snapshot holds what was frozen, and none is missing. */
    private void checkLevels() throws IOException {
        if (isLone()) {
            assertThat(mayBeGone).containsAll(snapshots.keySet());
            maybeFrozen = null;
            return;
        }
        DiskDescriptor now = descriptor();
        for (Shot shot : now.shots()) {
            if (shot.guid().equals(now.topGuid())) {
                continue;
            }
            byte[] frozen = snapshots.get(shot.guid());
            if (frozen == null && maybeFrozen != null) {
                frozen = maybeFrozen;
                snapshots.put(shot.guid(), frozen);
            }
            if (shot.temporary()) {
                assertThat(mayBeGone).contains(shot.guid());
                continue;
            }
            assertThat(frozen).as("snapshot " + shot.guid()).isNotNull();
            try (ChainDisk level = ChainDisk.open(ChainFiles.level(home(disk), now, shot.guid()), OpenIntent.READ)) {
                assertThat(Arrays.mismatch(level.read(0, DISK), frozen))
                        .as("first byte where snapshot " + shot.guid() + " changed")
                        .isEqualTo(-1);
            }
        }
        maybeFrozen = null;
        for (String guid : List.copyOf(snapshots.keySet())) {
            if (now.shots().stream().noneMatch(shot -> shot.guid().equals(guid))) {
                assertThat(mayBeGone).as("a snapshot that nobody deleted").contains(guid);
                snapshots.remove(guid);
            }
        }
    }

    private void checkFiles() throws IOException {
        ImageDirectory home = home(disk);
        assertThat(home.exists(ChainIntent.FILE_NAME)).isFalse();
        Set<String> named = new HashSet<>(Set.of(BASE));
        if (!isLone()) {
            named.clear();
            descriptor().images().forEach(one -> named.add(one.file()));
        }
        assertThat(home.list().stream().filter(name -> name.startsWith("root.hd") && !name.endsWith("-cbt")))
                .as("files that nobody names")
                .allMatch(named::contains);
        if (start != Start.FOLDER) {
            assertThat(disk.list()).as("beside the image").allMatch(name -> isLone() && !name.startsWith("."));
            assertThat(disk.hasFolder("." + BASE + ".tidemark-folder")).isFalse();
        }
        for (Finding finding : ChainCheck.run(filesIn(disk)).findings()) {
            assertThat(finding).isInstanceOf(Finding.LeakedClusters.class);
        }
    }

    /** A backup as the engine does it; the point exists when {@code commits}. */
    private void backup(boolean commits) throws IOException {
        byte[] now = content();
        Instant.Wanted wanted =
                new Instant.Wanted(current().device(), "view-" + viewNumber++, "target", since, scratch, 1 << 22);
        DeviceView view = Instant.take(List.of(wanted), 1_000_000_000L).get(0);
        try {
            view.secure();
            byte[] next = view.interval().isFull() ? new byte[DISK] : point.clone();
            for (int offset = 0; offset < DISK; offset += CHUNK) {
                if (view.interval().mayHaveChanged(offset, CHUNK)) {
                    view.read(offset, readBuffer, 0, CHUNK);
                    readBuffer.bytes().get(0, next, offset, CHUNK);
                }
            }
            assertThat(Arrays.mismatch(next, now))
                    .as("first byte where the point differs from the disk at its instant")
                    .isEqualTo(-1);
            if (commits) {
                point = next;
                since = view.interval().end();
            }
        } finally {
            view.close();
        }
        if (commits) {
            tracker().commit("target", view.interval().end());
        } else {
            tracker().abandon("target", view.interval().end());
        }
    }
}
