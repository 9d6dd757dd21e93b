package org.tidemark.ploop.device;

import java.io.IOException;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.ForwardingDirectory;
import org.tidemark.ploop.sim.ForwardingImageIo;

/** Files that are wrong in one thing each, to prove that the crash harness notices. */
final class BrokenFiles {
    private BrokenFiles() {}

    /** Clusters are not emptied before they are handed out again. */
    static ImageDirectory clustersNotZeroed(ImageDirectory below) {
        return new ForwardingDirectory(below, file -> new ForwardingImageIo(file) {
            @Override
            public void punchHole(long position, long length) throws IOException {
                if (length % CrashRun.CLUSTER != 0) {
                    super.punchHole(position, length);
                }
            }
        });
    }

    /** The entry of a moved cluster is not durable when the file is cut behind it. */
    static ImageDirectory cutBeforeTheEntryIsDurable(ImageDirectory below) {
        return new ForwardingDirectory(below, file -> new HeldFlush(file) {
            @Override
            boolean leaveOut(boolean entryWritten, boolean entryFollows) {
                return entryWritten;
            }
        });
    }

    /** The data of a moved cluster is not durable when its entry is written. */
    static ImageDirectory entryBeforeTheDataIsDurable(ImageDirectory below) {
        return new ForwardingDirectory(below, file -> new HeldFlush(file) {
            @Override
            boolean leaveOut(boolean entryWritten, boolean entryFollows) {
                return entryFollows;
            }
        });
    }

    /** Puts every flush off until the next operation, and may leave it out then. A single entry is a write of four bytes. */
    private abstract static class HeldFlush extends ForwardingImageIo {
        private boolean held;
        private boolean entryWritten;

        HeldFlush(ImageIo below) {
            super(below);
        }

        abstract boolean leaveOut(boolean entryWritten, boolean entryFollows);

        private synchronized void make(boolean entryFollows) throws IOException {
            if (held && !leaveOut(entryWritten, entryFollows)) {
                below.flush();
            }
            held = false;
            entryWritten = entryFollows;
        }

        @Override
        public synchronized void flush() throws IOException {
            if (held) {
                below.flush();
            }
            held = true;
        }

        @Override
        public void write(long position, AlignedBuffer src, int srcOffset, int length) throws IOException {
            boolean entry = length == 4;
            if (!entry || !entryWritten) {
                make(entry);
            }
            below.write(position, src, srcOffset, length);
        }

        @Override
        public void punchHole(long position, long length) throws IOException {
            make(false);
            below.punchHole(position, length);
        }

        @Override
        public void truncate(long sizeBytes) throws IOException {
            make(false);
            below.truncate(sizeBytes);
        }
    }
}
