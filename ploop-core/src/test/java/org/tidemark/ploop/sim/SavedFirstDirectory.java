package org.tidemark.ploop.sim;

import java.io.IOException;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.format.expanded.ExpandedHeader;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageIo;

/**
 * Any folder in which images are changed under the protection of a file that says how they were: {@code IMAGE.undo-N} of a
 * repair, {@code IMAGE.idx} of a conversion. The rules of {@link OrderCheckedImageIo} are of images in use; those here are:
 *
 * <ol>
 *   <li>what changes in the image is in its file first, durably, and so is that file's name;
 *   <li>the table of an expanded image changes only while it is durably marked in use;
 *   <li>that mark is taken away only when everything else is durable;
 *   <li>the file with what was is deleted only when everything in the image is durable.
 * </ol>
 *
 * Whoever breaks one gets an {@link AssertionError} at once.
 */
public final class SavedFirstDirectory extends ForwardingDirectory {
    private static final int SECTOR = 512;
    private static final int AT_MARK = 44;
    private static final int UNDO_RECORD = 16;

    private final Map<String, Saved> made = new HashMap<>();
    /** Files with changes that are not durable. */
    private final Set<String> changed = new HashSet<>();
    /** Files whose mark was written and is not durable yet. */
    private final Set<String> marking = new HashSet<>();

    public SavedFirstDirectory(ImageDirectory below) {
        super(below, file -> file);
    }

    /** A file with what was, made here. */
    private static final class Saved {
        private boolean named;
        private final BitSet pending = new BitSet();
        private final BitSet durable = new BitSet();
    }

    private static boolean saves(String name) {
        return name.endsWith(".idx") || name.contains(".undo-");
    }

    @Override
    public ImageIo create(String name) throws IOException {
        ImageIo io = super.create(name);
        if (!saves(name)) {
            return io;
        }
        Saved saved = new Saved();
        made.put(name, saved);
        return new SavedIo(io, saved, name.endsWith(".idx"));
    }

    @Override
    public ImageIo open(String name, OpenMode mode) throws IOException {
        ImageIo io = super.open(name, mode);
        return mode == OpenMode.READ_WRITE && !saves(name) ? new ImageUnderChange(io, name) : io;
    }

    @Override
    public void sync() throws IOException {
        super.sync();
        made.values().forEach(saved -> saved.named = true);
    }

    @Override
    public void delete(String name) throws IOException {
        if (saves(name) && !changed.isEmpty()) {
            throw new AssertionError(name + " is deleted while changes of " + changed + " are not durable");
        }
        made.remove(name);
        super.delete(name);
    }

    private static final class SavedIo extends ForwardingImageIo {
        private final Saved saved;
        private final boolean wholeHead;

        SavedIo(ImageIo below, Saved saved, boolean wholeHead) {
            super(below);
            this.saved = saved;
            this.wholeHead = wholeHead;
        }

        @Override
        public void write(long position, AlignedBuffer src, int srcOffset, int length) throws IOException {
            super.write(position, src, srcOffset, length);
            if (wholeHead) {
                mark(position, length);
            } else if (position > 0 && length > UNDO_RECORD) {
                mark(src.getLong(srcOffset), src.getInt(srcOffset + 8));
            }
        }

        private void mark(long position, int length) {
            saved.pending.set((int) (position / SECTOR), (int) ((position + length + SECTOR - 1) / SECTOR));
        }

        @Override
        public void flush() throws IOException {
            super.flush();
            saved.durable.or(saved.pending);
        }
    }

    private final class ImageUnderChange extends ForwardingImageIo {
        private final String file;
        private final long oldBytes;
        private final AlignedBuffer head = AlignedBuffer.allocate(SECTOR);

        ImageUnderChange(ImageIo below, String file) throws IOException {
            super(below);
            this.file = file;
            this.oldBytes = below.size();
        }

        private void requireSaved(long position, long length) throws IOException {
            BitSet durable = new BitSet();
            boolean here = false;
            for (Map.Entry<String, Saved> one : made.entrySet()) {
                if (one.getKey().startsWith(file + ".")) {
                    here = true;
                    if (one.getValue().named) {
                        durable.or(one.getValue().durable);
                    }
                }
            }
            if (!here) {
                // What was is being put back: from a file that is there.
                boolean any = below().list().stream().anyMatch(name -> name.startsWith(file + ".") && saves(name));
                if (!any) {
                    throw new AssertionError(file + " is changed, and nothing says how it was");
                }
                return;
            }
            long end = Math.min(position + length, oldBytes);
            for (long at = position; at < end; at += SECTOR) {
                if (!durable.get((int) (at / SECTOR))) {
                    throw new AssertionError(file + ": byte " + at + " is changed, and how it was is not durable");
                }
            }
        }

        private ImageDirectory below() {
            return SavedFirstDirectory.this.below;
        }

        /** Whether the image is an expanded one and says that it is in use. */
        private boolean markedInUse() throws IOException {
            below.read(0, head, 0, SECTOR);
            int mark = head.getInt(AT_MARK);
            return mark != ExpandedHeader.MARK_CLOSED && mark != ExpandedHeader.MARK_CLOSED_V21;
        }

        private boolean isExpanded() throws IOException {
            below.read(0, head, 0, SECTOR);
            return new ExpandedFormat().probe(below);
        }

        private long dataStart() {
            long behindTable = ExpandedHeader.BYTES + 4L * Integer.toUnsignedLong(head.getInt(32));
            return Math.max(behindTable, Integer.toUnsignedLong(head.getInt(48)) * SECTOR);
        }

        @Override
        public void write(long position, AlignedBuffer src, int srcOffset, int length) throws IOException {
            requireSaved(position, length);
            if (isExpanded()) {
                if (changesTable(position, src, srcOffset, length) && !markedDurably()) {
                    throw new AssertionError(file + ": its table is changed before it is durably marked in use");
                }
                boolean coversMark = position <= AT_MARK && position + length >= AT_MARK + 4;
                if (coversMark && markedInUse() && changed.contains(file)) {
                    int next = src.getInt(srcOffset + (int) (AT_MARK - position));
                    if (next == ExpandedHeader.MARK_CLOSED || next == ExpandedHeader.MARK_CLOSED_V21) {
                        throw new AssertionError(
                                file + ": is marked closed before everything that changed in it is durable");
                    }
                }
                if (coversMark) {
                    marking.add(file);
                }
            }
            changed.add(file);
            super.write(position, src, srcOffset, length);
        }

        private boolean changesTable(long position, AlignedBuffer src, int srcOffset, int length) throws IOException {
            long from = Math.max(position, ExpandedHeader.BYTES);
            int changing = (int) (Math.min(position + length, dataStart()) - from);
            if (changing <= 0) {
                return false;
            }
            AlignedBuffer old = AlignedBuffer.allocate(changing);
            below.read(from, old, 0, changing);
            int at = srcOffset + (int) (from - position);
            return !old.bytes().slice(0, changing).equals(src.bytes().slice(at, changing));
        }

        private boolean markedDurably() throws IOException {
            return markedInUse() && !marking.contains(file);
        }

        @Override
        public void punchHole(long position, long length) throws IOException {
            requireSaved(position, length);
            changed.add(file);
            super.punchHole(position, length);
        }

        @Override
        public void zero(long position, long length) throws IOException {
            requireSaved(position, length);
            changed.add(file);
            super.zero(position, length);
        }

        @Override
        public void truncate(long sizeBytes) throws IOException {
            requireSaved(sizeBytes, Math.max(0, oldBytes - sizeBytes));
            changed.add(file);
            super.truncate(sizeBytes);
        }

        @Override
        public void flush() throws IOException {
            super.flush();
            changed.remove(file);
            marking.remove(file);
        }
    }
}
