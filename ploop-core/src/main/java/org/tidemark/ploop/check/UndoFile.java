package org.tidemark.ploop.check;

import java.io.Closeable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.zip.CRC32C;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * What a repair changed, as it was before, in a file beside the image. Every piece is durable here before it is changed
 * there, so that a repair can be taken back whether it came to its end or not.
 *
 * <pre>
 *    0  "tidemark-undo 2\n"   16  u64 size the image had   24  u32 bytes of its name
 *   28  u32 CRC-32C of the bytes before it and the name   32  name, padded to 8
 *   records: u64 position | u32 bytes (0: the repair came to its end) | u32 CRC-32C of position, bytes and content | content
 * </pre>
 *
 * Little-endian. The first record is the first sector of the image, as it was before the repair marked it. The last record has
 * in the place of the position a checksum of the tables as the repair left them ({@link UndoSubject}): an image that was
 * written to since is not put back.
 */
public final class UndoFile implements Closeable {
    private static final byte[] MAGIC = "tidemark-undo 2\n".getBytes(StandardCharsets.US_ASCII);
    private static final int MAX_NAME_BYTES = 1024;
    private static final int MAX_PIECE_BYTES = 1 << 20;
    private static final int RECORD_HEADER_BYTES = 16;
    private static final int AT_CHECKSUM = 28;
    private static final int AT_NAME = 32;
    /** A record may reach that far beyond the end of the image as it was: a cluster is not always whole. */
    private static final int MAX_BEYOND_BYTES = 64 << 20;

    private final ImageIo io;
    private final AlignedBuffer buffer = AlignedBuffer.allocate(RECORD_HEADER_BYTES + MAX_PIECE_BYTES);
    private long end;

    private UndoFile(ImageIo io) {
        this.io = io;
    }

    /** Begins a new one; it and its name are durable on return. */
    static UndoFile create(ImageDirectory folder, String name, String imageFile, long imageBytes) throws IOException {
        byte[] file = imageFile.getBytes(StandardCharsets.UTF_8);
        if (file.length > MAX_NAME_BYTES) {
            throw new ImageException(ImageException.Kind.UNSUPPORTED, imageFile + ": the name is too long");
        }
        UndoFile undo = new UndoFile(folder.create(name));
        undo.buffer.zero(0, 64 + MAX_NAME_BYTES);
        undo.buffer.bytes().put(0, MAGIC);
        undo.buffer.putLong(16, imageBytes);
        undo.buffer.putInt(24, file.length);
        undo.buffer.bytes().put(AT_NAME, file);
        undo.buffer.putInt(AT_CHECKSUM, headChecksum(undo.buffer, file.length));
        undo.end = (AT_NAME + file.length + 7) & -8L;
        undo.io.write(0, undo.buffer, 0, (int) undo.end);
        undo.io.flush();
        folder.sync();
        return undo;
    }

    /** Saves a piece of the image that is about to change. Not durable before {@link #flush}. */
    void save(ImageIo image, long position, int length) throws IOException {
        image.read(position, buffer, RECORD_HEADER_BYTES, length);
        append(position, length);
    }

    private void append(long position, int length) throws IOException {
        buffer.putLong(0, position);
        buffer.putInt(8, length);
        buffer.putInt(12, recordChecksum(buffer, length));
        io.write(end, buffer, 0, RECORD_HEADER_BYTES + length);
        end += RECORD_HEADER_BYTES + length;
    }

    private static int headChecksum(AlignedBuffer head, int nameBytes) {
        CRC32C crc = new CRC32C();
        crc.update(head.bytes().slice(0, AT_CHECKSUM));
        crc.update(head.bytes().slice(AT_NAME, nameBytes));
        return (int) crc.getValue();
    }

    private static int recordChecksum(AlignedBuffer record, int length) {
        CRC32C crc = new CRC32C();
        crc.update(record.bytes().slice(0, 12));
        crc.update(record.bytes().slice(RECORD_HEADER_BYTES, length));
        return (int) crc.getValue();
    }

    void flush() throws IOException {
        io.flush();
    }

    /** The repair is done, and the tables of the image are now what they shall be. Durable on return. */
    void finish(ImageIo image, UndoSubject subject) throws IOException {
        append(subject.checksum(image), 0);
        io.flush();
    }

    @Override
    public void close() throws IOException {
        io.close();
    }

    private record Piece(long position, int length, long placeInFile) {}

    /** What a file says: which image, how large it was, what was changed. */
    private record Contents(String imageFile, long imageBytes, List<Piece> pieces, long doneChecksum, boolean done) {
        /** The first piece is the first sector; a later one has that as it was during the repair. */
        int skipped(int index) {
            return index > 0 && pieces.get(index).position() == 0
                    ? Math.min(pieces.get(0).length(), pieces.get(index).length())
                    : 0;
        }
    }

    /** The name of the image that an undo file belongs to. Throws NOT_AN_IMAGE for any other file. */
    public static String imageOf(ImageDirectory folder, String name) throws IOException {
        try (ImageIo io = folder.open(name, OpenMode.READ_ONLY)) {
            return new UndoFile(io).contents().imageFile();
        }
    }

    /** Whether a repair of that image was begun, and broken off: what it changed is in an undo file that was never closed. */
    static boolean isUnfinished(ImageDirectory folder, String imageFile) throws IOException {
        String prefix = imageFile + ".undo-";
        long last = 0;
        for (String name : folder.list()) {
            String number = name.startsWith(prefix) ? name.substring(prefix.length()) : "";
            if (number.matches("[1-9][0-9]{0,8}")) {
                last = Math.max(last, Long.parseLong(number));
            }
        }
        // Only the last one: whatever was broken off before it was gone on with, or put back, or is long past.
        if (last == 0) {
            return false;
        }
        try (ImageIo io = folder.open(prefix + last, OpenMode.READ_ONLY)) {
            Contents contents = new UndoFile(io).contents();
            return !contents.done()
                    && !contents.pieces().isEmpty()
                    && contents.imageFile().equals(imageFile);
        } catch (ImageException e) {
            // Its first bytes are not there: nothing was changed by it.
            return false;
        }
    }

    /**
     * Puts the image back as it was before the repair, durable on return, and removes the undo file. May be repeated after
     * a crash. The caller holds the image's lock.
     *
     * @throws ImageException of kind INVALID_REQUEST when the image was written to after the repair
     */
    public static void putBack(ImageDirectory folder, String name) throws IOException {
        // Opened for writing and flushed: what is read from it is on the medium before the image is changed by it.
        try (ImageIo saved = folder.open(name, OpenMode.READ_WRITE)) {
            saved.flush();
            UndoFile undo = new UndoFile(saved);
            Contents contents = undo.contents();
            try (ImageIo image = folder.open(contents.imageFile(), OpenMode.READ_WRITE)) {
                UndoSubject subject = undo.subject(contents);
                undo.requireUntouched(image, contents, subject);
                undo.restore(image, contents, subject);
            }
        }
        folder.delete(name);
        folder.sync();
    }

    /** What kind of image it is: the first piece is its first sector. */
    private UndoSubject subject(Contents contents) throws IOException {
        if (contents.pieces().isEmpty()) {
            return UndoSubject.EXPANDED;
        }
        AlignedBuffer magic = AlignedBuffer.allocate(4);
        io.read(contents.pieces().get(0).placeInFile(), magic, 0, 4);
        return UndoSubject.of(magic);
    }

    private void requireUntouched(ImageIo image, Contents contents, UndoSubject subject) throws IOException {
        if (!contents.done() || subject.beingPutBack(image) || isBack(image, contents)) {
            return;
        }
        if (contents.doneChecksum() != subject.checksum(image)) {
            throw new ImageException(
                    ImageException.Kind.INVALID_REQUEST,
                    image.name() + ": was changed after the repair; putting the old table back would lose that");
        }
    }

    /** Whether everything is as it was: a crash came between putting it back and removing the undo file. */
    private boolean isBack(ImageIo image, Contents contents) throws IOException {
        AlignedBuffer is = AlignedBuffer.allocate(MAX_PIECE_BYTES);
        Set<Long> seen = new HashSet<>();
        for (int i = 0; i < contents.pieces().size(); i++) {
            Piece piece = contents.pieces().get(i);
            // The first sector, and then a piece of the table each time that it is changed: the oldest is what it was.
            if (i > 0 && !seen.add(piece.position())) {
                continue;
            }
            io.read(piece.placeInFile(), buffer, 0, piece.length());
            image.read(piece.position(), is, 0, piece.length());
            int from = contents.skipped(i);
            int length = piece.length() - from;
            if (!buffer.bytes().slice(from, length).equals(is.bytes().slice(from, length))) {
                return false;
            }
        }
        return image.size() == contents.imageBytes();
    }

    /** The first sector is the first record and so the last one that is put back. */
    private void restore(ImageIo image, Contents contents, UndoSubject subject) throws IOException {
        if (contents.pieces().isEmpty()) {
            return;
        }
        subject.mark(image);
        for (int i = contents.pieces().size() - 1; i >= 0; i--) {
            Piece piece = contents.pieces().get(i);
            if (i == 0) {
                if (image.size() != contents.imageBytes()) {
                    image.truncate(contents.imageBytes());
                }
                image.flush();
            }
            int from = contents.skipped(i);
            io.read(piece.placeInFile(), buffer, 0, piece.length());
            image.write(piece.position() + from, buffer, from, piece.length() - from);
        }
        image.flush();
    }

    private Contents contents() throws IOException {
        AlignedBuffer head = AlignedBuffer.allocate(64 + MAX_NAME_BYTES);
        io.read(0, head, 0, head.capacity());
        byte[] magic = new byte[MAGIC.length];
        head.bytes().get(0, magic);
        int nameBytes = head.getInt(24);
        if (!java.util.Arrays.equals(magic, MAGIC) || nameBytes <= 0 || nameBytes > MAX_NAME_BYTES) {
            throw new ImageException(ImageException.Kind.NOT_AN_IMAGE, io.name() + ": is no undo file of a repair");
        }
        byte[] name = new byte[nameBytes];
        head.bytes().get(AT_NAME, name);
        String imageFile = new String(name, StandardCharsets.UTF_8);
        long imageBytes = head.getLong(16);
        if (head.getInt(AT_CHECKSUM) != headChecksum(head, nameBytes)) {
            throw damaged("its first bytes do not have the checksum that they say");
        }
        if (imageFile.indexOf('/') >= 0
                || imageFile.indexOf('\0') >= 0
                || imageFile.equals(".")
                || imageFile.equals("..")
                || imageFile.equals(io.name())) {
            throw damaged("names no image beside it");
        }
        if (imageBytes < 0) {
            throw damaged("says that the image had " + imageBytes + " bytes");
        }
        List<Piece> pieces = new ArrayList<>();
        long at = (AT_NAME + nameBytes + 7) & -8L;
        while (at + RECORD_HEADER_BYTES <= io.size()) {
            io.read(at, buffer, 0, RECORD_HEADER_BYTES);
            int length = buffer.getInt(8);
            if (length < 0 || length > MAX_PIECE_BYTES || length > io.size() - at - RECORD_HEADER_BYTES) {
                break;
            }
            io.read(at, buffer, 0, RECORD_HEADER_BYTES + length);
            if (buffer.getInt(12) != recordChecksum(buffer, length)) {
                break;
            }
            if (length == 0) {
                return new Contents(imageFile, imageBytes, pieces, buffer.getLong(0), true);
            }
            long position = buffer.getLong(0);
            if (position < 0 || position - MAX_BEYOND_BYTES > imageBytes) {
                throw damaged("has bytes of position " + position + " of an image of " + imageBytes + " bytes");
            }
            pieces.add(new Piece(buffer.getLong(0), length, at + RECORD_HEADER_BYTES));
            at += RECORD_HEADER_BYTES + length;
        }
        // A record that is not whole was never followed by a change.
        return new Contents(imageFile, imageBytes, pieces, 0, false);
    }

    private ImageException damaged(String what) {
        return new ImageException(
                ImageException.Kind.DAMAGED,
                io.name() + ": " + what + "; nothing is put back from a damaged undo file");
    }
}
