package org.tidemark.ploop.chain;

import java.io.Closeable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.qcow2.CreateOptions;
import org.tidemark.ploop.format.qcow2.Qcow2Format;
import org.tidemark.ploop.format.qcow2.Qcow2Header;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;

/**
 * A file over an image of one file, in which a program changes the disk that leaves it in ruins when it is killed on its way, such
 * as one that moves a file system together. The image is only read meanwhile, and locked against writers; what was changed goes
 * into it when the program has ended well.
 *
 * <pre>
 *   overlay made, durable | changed by the program, closed, durable | overlay renamed, durable = COMMIT
 *   | its clusters written to the image, durable | overlay deleted, durable
 *   crash before the commit: the image is as it was; the next trial begins with an empty overlay
 *   crash after it: nobody opens the image before {@link #finish} has written all clusters once more
 * </pre>
 */
public final class TrialOverlay implements Closeable {
    private static final String TRIAL = ".tidemark-trial";
    private static final String ACCEPTED = ".tidemark-accepted";
    /** Behind the overlay's name: of which file it is one. */
    private static final String OF = "-of";

    private static final int MAX_IDENTITY_BYTES = 512;
    private static final Duration DETACH_LIMIT = Duration.ofSeconds(20);
    private static final long LOOK_EVERY_MILLIS = 100;

    private final ChainFiles files;
    private final ImageDirectory folder;
    private final ChainLocks locks;
    private final String begunWith;
    private boolean open = true;

    private TrialOverlay(ChainFiles files, ChainLocks locks) throws IOException {
        this.files = files;
        this.folder = files.top().directory();
        this.locks = locks;
        this.begunWith = fingerprints();
    }

    /** Whoever does not heed our locks is noticed by what he did. */
    private String fingerprints() throws IOException {
        StringBuilder all = new StringBuilder();
        for (ChainFiles.Link link : files.links()) {
            all.append(link.directory().fingerprint(link.fileName())).append(' ');
        }
        return all.toString();
    }

    private static String trialOf(ChainFiles.Link top) {
        return "." + top.fileName() + TRIAL;
    }

    private static String acceptedOf(ChainFiles.Link top) {
        return "." + top.fileName() + ACCEPTED;
    }

    /**
     * Makes an empty overlay, durable on return. An image that was not closed is recovered first.
     *
     * @throws ImageException IN_USE when somebody writes to the image, or has such an overlay of it
     */
    public static TrialOverlay begin(ChainFiles files) throws IOException {
        awaitEnd(files);
        recover(files);
        ChainLocks locks = ChainLocks.take(files, false);
        boolean done = false;
        try {
            TrialOverlay trial = new TrialOverlay(files, locks);
            trial.make();
            done = true;
            return trial;
        } finally {
            if (!done) {
                locks.close();
            }
        }
    }

    /** Nothing is written to an image that was closed: whoever tracks its changes goes on. */
    private static void recover(ChainFiles files) throws IOException {
        ChainLocks locks = ChainLocks.take(files, true);
        boolean closed = true;
        try {
            closed = isClosed(files);
        } finally {
            if (closed) {
                locks.close();
            }
        }
        if (!closed) {
            opened(files, AttachedImage.Use.READ_WRITE, locks).close();
        }
    }

    private static boolean isClosed(ChainFiles files) throws IOException {
        if (files.descriptor().isPresent() && ChainIntent.isIn(files.directory())) {
            return false;
        }
        try {
            ImageChain.open(files, OpenIntent.WRITE, AllocationCursor.transientCursor())
                    .close();
            return true;
        } catch (ImageException e) {
            if (e.kind() == ImageException.Kind.NOT_CLOSED) {
                return false;
            }
            throw e;
        }
    }

    /** Untracked: the disk becomes another one. */
    private static AttachedImage opened(ChainFiles files, AttachedImage.Use use, HeldLocks locks) throws IOException {
        return AttachedImage.open(
                files, use, StateArea.inMemory(), locks, false, OwnerRecord.ofCommand(), UUID::randomUUID);
    }

    private void make() throws IOException {
        String name = trialOf(files.top());
        removeTrial(folder, name);
        DeltaGeometry geometry;
        try (ImageChain chain = ImageChain.open(files, OpenIntent.READ, AllocationCursor.transientCursor())) {
            geometry = chain.top().geometry();
        }
        try (ImageIo io = folder.create(name)) {
            Qcow2Format.create(
                    io,
                    new DeltaGeometry(geometry.diskSizeBytes(), Qcow2Format.USUAL_CLUSTER_BYTES),
                    CreateOptions.USUAL.withBacking(
                            files.top().fileName(), files.top().formatId()));
        }
        try (ImageIo io = folder.create(name + OF)) {
            byte[] identity = folder.identity(files.top().fileName()).getBytes(StandardCharsets.UTF_8);
            AlignedBuffer text = AlignedBuffer.allocate(MAX_IDENTITY_BYTES);
            text.bytes().put(0, identity);
            io.write(0, text, 0, identity.length);
            io.flush();
        }
        folder.sync();
    }

    /** With what a device server keeps beside an image. */
    private static void removeTrial(ImageDirectory folder, String trial) throws IOException {
        for (String name : folder.list()) {
            if (name.startsWith(trial)) {
                folder.delete(name);
            }
        }
        folder.sync();
    }

    /** The device server needs a moment to see that whoever had the overlay attached was killed. */
    private static void awaitEnd(ChainFiles files) throws IOException {
        ImageDirectory folder = files.top().directory();
        String name = trialOf(files.top());
        long until = System.nanoTime() + DETACH_LIMIT.toNanos();
        while (folder.exists(name)) {
            try {
                folder.lock(name, true).close();
                ChainLocks.take(files, true).close();
                return;
            } catch (ImageException e) {
                if (e.kind() != ImageException.Kind.IN_USE || System.nanoTime() > until) {
                    throw e;
                }
                pause();
            }
        }
    }

    private static void pause() throws IOException {
        try {
            Thread.sleep(LOOK_EVERY_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while waiting for an earlier attempt to end", e);
        }
    }

    /** The overlay, to be attached for writing, and detached before it is accepted. */
    public Path path() {
        return Path.of(folder.name()).resolve(trialOf(files.top()));
    }

    /** The overlay's files, as {@link #path} names them. */
    ChainFiles overlaid() {
        List<ChainFiles.Link> links = new ArrayList<>(files.links());
        links.add(new ChainFiles.Link(folder, trialOf(files.top()), Qcow2Format.ID));
        return new ChainFiles(files.name(), folder, List.copyOf(links), Optional.empty(), 0);
    }

    /**
     * What was changed goes into the image; durable on return. Nobody has the overlay open any more.
     *
     * @throws ImageException IN_USE when somebody reads the image, or wrote to it; then it stays as it was
     * @throws IOException also when the disk below has no room for what changed; then too
     */
    public void accept() throws IOException {
        locks.convert(files.top(), true);
        folder.lock(trialOf(files.top()), true).close();
        requireClosed();
        requireRoom();
        requireUnchanged();
        folder.rename(trialOf(files.top()), acceptedOf(files.top()));
        open = false;
        finish(files, locks);
    }

    /** One whose device failed has not all that was written to it. */
    private void requireClosed() throws IOException {
        try (ImageIo io = folder.open(trialOf(files.top()), OpenMode.READ_ONLY)) {
            if (Qcow2Header.read(io).dirty()) {
                throw new ImageException(
                        ImageException.Kind.NOT_CLOSED,
                        files.name() + ": what was changed could not be written; its disk is what it was");
            }
        }
    }

    /** Before the commit: behind it the image can be used only when all of it was written. */
    private void requireRoom() throws IOException {
        long needed;
        try (AttachedImage image = opened(files, AttachedImage.Use.READ_ONLY, () -> {});
                Delta changes = changes(folder, trialOf(files.top()))) {
            needed = new OverlayCopy(changes, image).neededBytes(files.top().formatId());
        }
        long free = folder.freeBytes();
        if (needed > free) {
            throw new IOException(files.name() + ": needs " + mebibytes(needed) + " MiB free in " + folder.name()
                    + ", where " + mebibytes(free) + " MiB are; its disk is what it was. Make room, then give the same"
                    + " command");
        }
    }

    private static long mebibytes(long bytes) {
        return (bytes + (1 << 20) - 1) >> 20;
    }

    private void requireUnchanged() throws IOException {
        if (!fingerprints().equals(begunWith)) {
            throw new ImageException(
                    ImageException.Kind.IN_USE,
                    files.name() + ": somebody else wrote to it meanwhile; what was to be changed is thrown away. When"
                            + " nobody uses it, give the same command again");
        }
    }

    private static Delta changes(ImageDirectory folder, String overlay) throws IOException {
        return new Qcow2Format()
                .open(folder.open(overlay, OpenMode.READ_ONLY), OpenIntent.READ, 0, AllocationCursor.transientCursor());
    }

    /**
     * Ends what a crash left of an accepted change; does nothing when there is none. Durable on return.
     *
     * @throws ImageException IN_USE when somebody else is at it
     */
    public static void finish(Path image) throws IOException {
        ChainFiles files = ChainFiles.whateverState(image, VfsImageDirectory::new);
        if (isLeft(files.top())) {
            requireSame(files.top());
            finish(files, ChainLocks.take(files, true));
        }
    }

    /** The locks belong to it from here on. */
    static void finish(ChainFiles files, ChainLocks locks) throws IOException {
        try {
            copy(files, locks);
        } catch (ImageException e) {
            throw new ImageException(e.kind(), notYet(files, e), e);
        } catch (IOException e) {
            throw new IOException(notYet(files, e), e);
        }
    }

    private static String notYet(ChainFiles files, IOException why) {
        return files.name() + ": its disk is being made smaller and is not whole before that is finished: "
                + why.getMessage() + ". Make room if there is none, then give the same command again";
    }

    private static void copy(ChainFiles files, ChainLocks locks) throws IOException {
        ImageDirectory folder = files.top().directory();
        String accepted = acceptedOf(files.top());
        // The name may be seen and not be durable; were it lost later, so would be the rest of a change that is half
        // done.
        boolean durable = false;
        try {
            folder.sync();
            durable = true;
        } finally {
            if (!durable) {
                locks.close();
            }
        }
        try (AttachedImage image = opened(files, AttachedImage.Use.RECOVER, locks);
                Delta changes = changes(folder, accepted)) {
            new OverlayCopy(changes, image).write();
            image.flush();
        }
        folder.delete(accepted);
        // Which image it was of must be known as long as it may come back.
        folder.sync();
        removeTrial(folder, trialOf(files.top()));
    }

    private static boolean isLeft(ChainFiles.Link top) throws IOException {
        return top.directory().exists(acceptedOf(top));
    }

    /** Throws when the image is not the one that was changed, but has its name. */
    private static void requireSame(ChainFiles.Link top) throws IOException {
        ImageDirectory folder = top.directory();
        String of = trialOf(top) + OF;
        String begun = "";
        if (folder.exists(of)) {
            try (ImageIo io = folder.open(of, OpenMode.READ_ONLY)) {
                AlignedBuffer text = AlignedBuffer.allocate(MAX_IDENTITY_BYTES);
                int length = (int) Math.min(MAX_IDENTITY_BYTES, io.size());
                io.read(0, text, 0, length);
                byte[] bytes = new byte[length];
                text.bytes().get(0, bytes);
                begun = new String(bytes, StandardCharsets.UTF_8);
            }
        }
        if (!begun.equals(folder.identity(top.fileName()))) {
            throw new ImageException(
                    ImageException.Kind.NOT_CLOSED,
                    ChainLocks.keyOf(top) + ": is not the file whose disk was being made smaller when that was broken"
                            + " off. If it is a new image, or was restored, delete " + folder.name() + "/"
                            + acceptedOf(top) + " and use it; if it is a copy of that one, its disk is not whole:"
                            + " restore it");
        }
    }

    /** Throws when an accepted change is not in the image yet: what its files show is neither the old disk nor the new one. */
    static void requireNone(ChainFiles files) throws IOException {
        for (ChainFiles.Link link : files.links()) {
            if (isLeft(link)) {
                requireSame(link);
                throw new ImageException(
                        ImageException.Kind.NOT_CLOSED,
                        files.name()
                                + ": its disk was being made smaller when that was broken off; give 'tidemark image"
                                + " resize' with --shrink again, which finishes it");
            }
        }
    }

    /** Whatever was not accepted is thrown away. */
    @Override
    public void close() throws IOException {
        if (!open) {
            return;
        }
        open = false;
        String name = trialOf(files.top());
        try (locks) {
            if (folder.exists(name)) {
                folder.lock(name, true).close();
                removeTrial(folder, name);
            }
        }
    }
}
