package org.tidemark.ploop.format.qcow2;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/** One call of {@link BitmapContent#store} or {@link BitmapContent#remove}. */
final class BitmapStore {
    private static final int EXTENSION_BYTES = 24;

    /** A type that nobody gives a meaning. */
    private static final int EXTENSION_UNUSED = 0x746D6E6F;

    private final ImageIo io;
    private final Editing editing;
    private final Qcow2Header header;
    private final int clusterBytes;

    BitmapStore(ImageIo io, Editing editing) {
        this.io = io;
        this.editing = editing;
        this.header = editing.header;
        this.clusterBytes = header.clusterSizeBytes();
    }

    void store(String name, int granularityBits, int flags, BitmapContent.Granules granules) throws IOException {
        requireStorable(name, granularityBits);
        List<Bitmap> before = Bitmap.list(io, header);
        Optional<Bitmap.Directory> oldDirectory = Bitmap.directory(io, header);
        Optional<Bitmap> replaced = BitmapContent.find(before, name);
        long extensionAt = extensionPlace();
        editing.mark.setForTables();

        Bitmap fresh = write(name, granularityBits, flags, granules);
        List<Bitmap> after = new ArrayList<>(before);
        replaced.ifPresent(after::remove);
        after.add(fresh);
        putDirectory(after, extensionAt);
        letGo(oldDirectory, replaced);
        editing.finish();
    }

    void remove(String name) throws IOException {
        List<Bitmap> before = Bitmap.list(io, header);
        Optional<Bitmap.Directory> oldDirectory = Bitmap.directory(io, header);
        Bitmap gone = BitmapContent.find(before, name)
                .orElseThrow(() -> refused(
                        ImageException.Kind.INVALID_REQUEST,
                        "has no bitmap '" + name + "'; there are "
                                + before.stream().map(Bitmap::name).toList()));
        long extensionAt = extensionPlace();
        editing.mark.setForTables();
        List<Bitmap> after = new ArrayList<>(before);
        after.remove(gone);
        if (after.isEmpty()) {
            dropExtension(extensionAt);
        } else {
            putDirectory(after, extensionAt);
        }
        letGo(oldDirectory, Optional.of(gone));
        editing.finish();
    }

    /** The bit goes first, then the extension: its type becomes the end mark, or one that every reader passes over. */
    private void dropExtension(long extensionAt) throws IOException {
        editing.mark.believeBitmaps(false);
        editing.mark.setForTables();
        boolean last = header.extensions().get(header.extensions().size() - 1).position() == extensionAt;
        AlignedBuffer type = AlignedBuffer.allocate(4);
        type.putInt(0, Integer.reverseBytes(last ? 0 : EXTENSION_UNUSED));
        io.write(extensionAt - 8, type, 0, 4);
        io.flush();
    }

    private void letGo(Optional<Bitmap.Directory> directory, Optional<Bitmap> bitmap) throws IOException {
        if (directory.isPresent()) {
            release(directory.get().offset(), directory.get().bytes());
        }
        if (bitmap.isPresent()) {
            releaseBitmap(bitmap.get());
        }
    }

    private void putDirectory(List<Bitmap> after, long extensionAt) throws IOException {
        byte[] directory = BitmapContent.directory(after);
        long directoryAt = editing.clusters.reserveRun(editing.clustersOf(directory.length)) << header.clusterBits();
        AlignedBuffer bytes = AlignedBuffer.allocate(Math.max(directory.length, clusterBytes));
        bytes.bytes().put(0, directory);
        io.write(directoryAt, bytes, 0, directory.length);
        io.flush();
        pointTo(extensionAt, after.size(), directoryAt, directory.length);
    }

    private void requireStorable(String name, int granularityBits) throws ImageException {
        int bytes = name.getBytes(StandardCharsets.UTF_8).length;
        if (header.version() < 3) {
            throw refused(ImageException.Kind.UNSUPPORTED, "bitmaps need version 3 of the format");
        }
        if (bytes == 0 || bytes > 1023 || granularityBits < 9 || granularityBits > 31) {
            throw refused(
                    ImageException.Kind.INVALID_REQUEST,
                    "a bitmap has a name of 1 to 1023 bytes and granules of 512 bytes to 2 GiB");
        }
    }

    private ImageException refused(ImageException.Kind kind, String what) {
        return new ImageException(kind, io.name() + ": " + what);
    }

    private Bitmap write(String name, int granularityBits, int flags, BitmapContent.Granules granules)
            throws IOException {
        long bits = ((header.diskSizeBytes() - 1) >>> granularityBits) + 1;
        long perCluster = clusterBytes * 8L;
        int entries = (int) ((bits - 1) / perCluster + 1);
        long tableAt = editing.clusters.reserveRun(editing.clustersOf(entries * 8L)) << header.clusterBits();
        AlignedBuffer cluster = AlignedBuffer.allocate(clusterBytes);
        AlignedBuffer word = AlignedBuffer.allocate(8);
        for (long i = 0; i < entries; i++) {
            cluster.zero(0, clusterBytes);
            for (long bit = i * perCluster; bit < Math.min(bits, (i + 1) * perCluster); bit++) {
                if (granules.isSet(bit)) {
                    int at = (int) (bit % perCluster);
                    cluster.bytes().put(at >>> 3, (byte) (cluster.bytes().get(at >>> 3) | (1 << (at & 7))));
                }
            }
            long entry = 0;
            if (!cluster.isZero(0, clusterBytes)) {
                entry = editing.clusters.reserve() << header.clusterBits();
                io.write(entry, cluster, 0, clusterBytes);
            }
            word.putLong(0, Long.reverseBytes(entry));
            io.write(tableAt + i * 8, word, 0, 8);
        }
        return new Bitmap(0, tableAt, entries, flags, Bitmap.TYPE_DIRTY, granularityBits, name);
    }

    /** Where the data of the bitmaps extension is, or can be put: behind the last extension, if nothing is in the way. */
    private long extensionPlace() throws IOException {
        Optional<HeaderExtension> there = header.extension(Qcow2Header.EXTENSION_BITMAPS);
        if (there.isPresent() && there.get().data().length == EXTENSION_BYTES) {
            return there.get().position();
        }
        long end = header.headerBytes();
        for (HeaderExtension one : header.extensions()) {
            end = one.position() + ((one.data().length + 7) & -8);
        }
        AlignedBuffer name = AlignedBuffer.allocate(8);
        io.read(8, name, 0, 8);
        long nameAt = Long.reverseBytes(name.getLong(0));
        long nameBytes = header.backingFile().getBytes(StandardCharsets.UTF_8).length;
        long needed = end + 8 + EXTENSION_BYTES + 8;
        if (there.isPresent() || needed + nameBytes > clusterBytes) {
            throw refused(
                    ImageException.Kind.UNSUPPORTED,
                    "the header has no room for bitmaps; convert it to larger clusters");
        }
        if (nameAt != 0 && nameAt < needed) {
            moveBackingName(nameAt, (int) nameBytes, Math.max(needed, (nameAt + nameBytes + 7) & -8));
        }
        return end + 8;
    }

    /** Durable at each step: the copy, then the word that says where it is. */
    private void moveBackingName(long from, int bytes, long to) throws IOException {
        if (to + bytes > clusterBytes) {
            throw refused(
                    ImageException.Kind.UNSUPPORTED,
                    "the header has no room for bitmaps; convert it to larger clusters");
        }
        AlignedBuffer name = AlignedBuffer.allocate(Math.max(bytes, 64));
        io.read(from, name, 0, bytes);
        io.write(to, name, 0, bytes);
        io.flush();
        name.putLong(0, Long.reverseBytes(to));
        io.write(8, name, 0, 8);
        io.flush();
        // What was the name is behind the last extension now: it must not look like one.
        name.zero(0, bytes);
        io.write(from, name, 0, bytes);
        io.flush();
    }

    /**
     * The extension names the new directory. When it cannot change as one (it is new, or lies in two sectors) the bit that
     * says it can be believed is cleared first.
     */
    private void pointTo(long extensionAt, int bitmaps, long directoryAt, long directoryBytes) throws IOException {
        boolean fresh = header.extension(Qcow2Header.EXTENSION_BITMAPS).isEmpty();
        boolean torn = extensionAt / 512 != (extensionAt + EXTENSION_BYTES - 1) / 512;
        if (fresh || torn) {
            editing.mark.believeBitmaps(false);
            editing.mark.setForTables();
        }
        AlignedBuffer words = AlignedBuffer.allocate(64);
        words.putInt(0, Integer.reverseBytes(bitmaps));
        words.putLong(8, Long.reverseBytes(directoryBytes));
        words.putLong(16, Long.reverseBytes(directoryAt));
        io.write(extensionAt, words, 0, EXTENSION_BYTES);
        io.flush();
        if (fresh) {
            // Its length and the end mark behind it, then its type over the old end mark.
            words.zero(0, 64);
            io.write(extensionAt + EXTENSION_BYTES, words, 0, 8);
            words.putInt(0, Integer.reverseBytes(EXTENSION_BYTES));
            io.write(extensionAt - 4, words, 0, 4);
            io.flush();
            words.putInt(0, Integer.reverseBytes(Qcow2Header.EXTENSION_BITMAPS));
            io.write(extensionAt - 8, words, 0, 4);
            io.flush();
        }
        editing.mark.believeBitmaps(true);
        editing.mark.setForTables();
    }

    private void release(long offset, long bytes) throws IOException {
        long first = offset >>> header.clusterBits();
        for (int i = 0; i < editing.clustersOf(bytes); i++) {
            editing.clusters.release(first + i);
        }
    }

    private void releaseBitmap(Bitmap bitmap) throws IOException {
        AlignedBuffer word = AlignedBuffer.allocate(8);
        for (long i = 0; i < bitmap.tableEntries(); i++) {
            io.read(bitmap.tableOffset() + i * 8, word, 0, 8);
            long entry = L2Entry.offset(Long.reverseBytes(word.getLong(0)));
            if (entry != 0) {
                release(entry, 1);
            }
        }
        release(bitmap.tableOffset(), bitmap.tableEntries() * 8L);
    }
}
