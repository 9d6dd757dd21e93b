package org.tidemark.ploop.chain;

import java.io.IOException;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.ForwardingDirectory;
import org.tidemark.ploop.sim.ForwardingImageIo;

/** A folder that lets something else happen before every change of a file: what others do while an operation works. */
final class BusyFolder extends ForwardingDirectory {
    private final Others others;

    /** What others do. */
    interface Others {
        void act() throws IOException;
    }

    BusyFolder(ImageDirectory below, Others others) {
        super(below, io -> new BusyIo(io, others));
        this.others = others;
    }

    @Override
    protected ImageDirectory wrapped(ImageDirectory folder) {
        return new BusyFolder(folder, others);
    }

    private static final class BusyIo extends ForwardingImageIo {
        private final Others others;

        BusyIo(ImageIo below, Others others) {
            super(below);
            this.others = others;
        }

        @Override
        public void write(long position, AlignedBuffer src, int srcOffset, int length) throws IOException {
            others.act();
            below.write(position, src, srcOffset, length);
        }

        @Override
        public void punchHole(long position, long length) throws IOException {
            others.act();
            below.punchHole(position, length);
        }

        @Override
        public void flush() throws IOException {
            others.act();
            below.flush();
        }
    }
}
