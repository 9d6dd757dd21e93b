package org.tidemark.ploop.format.expanded;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * Rewrites the tables of closed images from one version of the format to the other, in place. Data stays where it is.
 *
 * <pre>
 *   1  header and table of each file into FILE.idx, sync, sync of the folder
 *   2  each header, base first: in use, "conversion under way"; sync
 *   3  each table in the new version; sync
 *   4  each header, base last: the new signature, closed; sync
 *   5  FILE.idx removed, sync of the folder
 * </pre>
 *
 * A crash before 2 leaves images as they were and files that nobody needs. One up to the end of 4 leaves files that say so,
 * and beside each what it was: {@link #goBack} restores them, and a new start goes back first. The names, the content and the
 * order are those of {@code ploop convert} 1.15, so what that program left when it was interrupted can be taken back too.
 */
public final class VersionConversion {
    private static final String SAVED = ".idx";
    private static final int PIECE_BYTES = 1 << 20;

    private VersionConversion() {}

    /** One file of a chain. */
    public record Place(ImageDirectory folder, String file) {
        private String saved() {
            return file + SAVED;
        }

        private ImageIo open(OpenMode mode) throws IOException {
            return folder.open(file, mode);
        }
    }

    /**
     * Converts the files of a chain, base first; durable on return. Files that are of the version already stay as they
     * are. Nothing is changed unless all can be converted. The caller holds the locks.
     */
    public static void run(List<Place> chain, ExpandedVersion version) throws IOException {
        goBack(chain);
        List<Place> wanted = new ArrayList<>();
        for (Place place : chain) {
            try (ImageIo io = place.open(OpenMode.READ_ONLY)) {
                ExpandedHeader header = ExpandedFormat.readHeader(io);
                if (header.version() != version) {
                    requireConvertible(io, header, version);
                    wanted.add(place);
                }
            }
        }
        for (Place place : wanted) {
            save(place);
        }
        for (Place place : wanted) {
            flag(place);
        }
        for (Place place : wanted) {
            rewriteTable(place, version);
        }
        for (int i = wanted.size() - 1; i >= 0; i--) {
            finish(wanted.get(i), version);
        }
        for (Place place : wanted) {
            forget(place);
        }
    }

    /** Undoes a conversion that was interrupted, whoever began it; false when there was none. Durable on return. */
    public static boolean goBack(List<Place> chain) throws IOException {
        boolean any = false;
        for (int i = chain.size() - 1; i >= 0; i--) {
            any |= restore(chain.get(i));
        }
        return any;
    }

    /** Whether a conversion of the file was interrupted. */
    public static boolean interrupted(ImageIo io) throws IOException {
        AlignedBuffer bytes = AlignedBuffer.allocate(ExpandedHeader.BYTES);
        io.read(0, bytes, 0, ExpandedHeader.BYTES);
        return ExpandedVersion.of(bytes, 0) != null
                && header(io).flags() != ExpandedHeader.FLAGS_INVALID
                && (header(io).flags() & ExpandedHeader.FLAG_CONVERTING) != 0;
    }

    /** Whether the table that was saved before is still there. */
    public static boolean canGoBack(ImageDirectory folder, String file) throws IOException {
        return folder.exists(file + SAVED);
    }

    private static void requireConvertible(ImageIo io, ExpandedHeader header, ExpandedVersion version)
            throws IOException {
        if (header.inUse()) {
            throw new ImageException(
                    ImageException.Kind.NOT_CLOSED,
                    io.name() + ": was not closed; run image check and attach it once before it is converted");
        }
        if (header.extensionTrusted()) {
            requireLosable(io, header);
        }
        ClusterGrid to = gridIn(header, version);
        TableScan.requireEntries(io, header, header.grid().startedClusters(io.size()));
        long clusters = header.grid().startedClusters(io.size());
        if (!header.grid().aligned() || header.firstBlockSectors() == 0) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    io.name() + ": its data does not begin at a whole cluster, which version 2 demands; convert it"
                            + " into a new image");
        }
        if (clusters - 1 > to.lastCluster()
                || (version == ExpandedVersion.V1 && header.diskSectors() > ExpandedHeader.MAX_V1_SECTORS)) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    io.name() + ": " + io.size() + " bytes, disk of " + header.diskSectors()
                            + " sectors: version 1 ends at 2 TiB");
        }
    }

    private static void requireLosable(ImageIo io, ExpandedHeader header) throws IOException {
        FormatExtension extension = FormatExtension.readWithoutBits(io, header);
        if (extension.isForbidding() || !extension.transit().isEmpty()) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    io.name()
                            + ": has a feature in its format extension that must be kept; convert it into a new image");
        }
    }

    private static ClusterGrid gridIn(ExpandedHeader header, ExpandedVersion version) {
        return new ClusterGrid(version, header.clusterSectors(), header.dataStartBytes() / 512);
    }

    private static void save(Place place) throws IOException {
        if (place.folder().exists(place.saved())) {
            place.folder().delete(place.saved());
        }
        try (ImageIo from = place.open(OpenMode.READ_ONLY);
                ImageIo to = place.folder().create(place.saved())) {
            copy(from, to, ExpandedFormat.readHeader(from).dataStartBytes(), 0);
            to.flush();
        }
        place.folder().sync();
    }

    private static void copy(ImageIo from, ImageIo to, long lengthBytes, int firstBytes) throws IOException {
        AlignedBuffer piece = AlignedBuffer.allocate(PIECE_BYTES);
        for (long at = firstBytes; at < lengthBytes; ) {
            int length = (int) Math.min(PIECE_BYTES - at % PIECE_BYTES, lengthBytes - at);
            from.read(at, piece, 0, length);
            to.write(at, piece, 0, length);
            at += length;
        }
    }

    private static void writeHeader(ImageIo io, ExpandedHeader header) throws IOException {
        AlignedBuffer sector = AlignedBuffer.allocate(512);
        io.read(0, sector, 0, 512);
        header.encode(sector, 0);
        io.write(0, sector, 0, 512);
        io.flush();
    }

    /** The header as it is, whatever its flags say. */
    private static ExpandedHeader header(ImageIo io) throws IOException {
        AlignedBuffer bytes = AlignedBuffer.allocate(ExpandedHeader.BYTES);
        io.read(0, bytes, 0, ExpandedHeader.BYTES);
        return ExpandedHeader.decode(io.name(), bytes, 0);
    }

    private static void flag(Place place) throws IOException {
        try (ImageIo io = place.open(OpenMode.READ_WRITE)) {
            ExpandedHeader header = header(io);
            writeHeader(
                    io,
                    header.with(
                            header.version(),
                            ExpandedHeader.MARK_IN_USE,
                            header.flags() | ExpandedHeader.FLAG_CONVERTING,
                            0));
        }
    }

    private static void rewriteTable(Place place, ExpandedVersion version) throws IOException {
        try (ImageIo io = place.open(OpenMode.READ_WRITE)) {
            ExpandedHeader header = header(io);
            ClusterGrid from = header.grid();
            ClusterGrid to = gridIn(header, version);
            AlignedBuffer piece = AlignedBuffer.allocate(PIECE_BYTES);
            long end = header.tableEndBytes();
            for (long at = 0; at < end; at += PIECE_BYTES) {
                int length = (int) Math.min(PIECE_BYTES, end - at);
                io.read(at, piece, 0, length);
                for (int offset = at == 0 ? ExpandedHeader.BYTES : 0; offset + 4 <= length; offset += 4) {
                    int entry = piece.getInt(offset);
                    if (entry != 0) {
                        piece.putInt(offset, to.entryOf(from.clusterOf(entry)));
                    }
                }
                io.write(at, piece, 0, length);
            }
            io.flush();
        }
    }

    private static void finish(Place place, ExpandedVersion version) throws IOException {
        try (ImageIo io = place.open(OpenMode.READ_WRITE)) {
            ExpandedHeader header = header(io);
            writeHeader(
                    io,
                    header.with(
                            version, ExpandedHeader.MARK_CLOSED, header.flags() & ~ExpandedHeader.FLAG_CONVERTING, 0));
        }
    }

    private static void forget(Place place) throws IOException {
        if (place.folder().exists(place.saved())) {
            place.folder().delete(place.saved());
            place.folder().sync();
        }
    }

    /** Table first, header last: interrupted, it can be repeated. */
    private static boolean restore(Place place) throws IOException {
        boolean flagged;
        // Opened for writing and flushed: the mark that is seen is the one on the medium when the saved table goes.
        try (ImageIo io = place.open(OpenMode.READ_WRITE)) {
            io.flush();
            flagged = interrupted(io);
        }
        if (!flagged) {
            forget(place);
            return false;
        }
        if (!place.folder().exists(place.saved())) {
            throw new ImageException(
                    ImageException.Kind.DAMAGED,
                    place.folder().name() + "/" + place.file() + ": a conversion between format versions was"
                            + " interrupted, and " + place.saved()
                            + " with the table as it was is missing; restore the image from a backup");
        }
        try (ImageIo saved = place.folder().open(place.saved(), OpenMode.READ_ONLY);
                ImageIo io = place.open(OpenMode.READ_WRITE)) {
            ExpandedHeader was = ExpandedFormat.readHeader(saved);
            ExpandedHeader is = header(io);
            if (was.clusterSectors() != is.clusterSectors()
                    || was.entries() != is.entries()
                    || was.diskSectors() != is.diskSectors()
                    || was.firstBlockSectors() != is.firstBlockSectors()
                    || saved.size() < was.dataStartBytes()) {
                throw new ImageException(
                        ImageException.Kind.DAMAGED,
                        saved.name() + ": is not the table of " + io.name() + "; keep both and restore from a backup");
            }
            copy(saved, io, was.dataStartBytes(), ExpandedHeader.BYTES);
            io.flush();
            writeHeader(io, was.with(was.version(), ExpandedHeader.MARK_CLOSED, was.flags(), 0));
        }
        forget(place);
        return true;
    }
}
