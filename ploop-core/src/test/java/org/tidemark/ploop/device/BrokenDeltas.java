package org.tidemark.ploop.device;

import java.io.IOException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.io.AlignedBuffer;

/** Deltas that are wrong in one thing each, to prove that the crash harness notices. */
final class BrokenDeltas {
    private BrokenDeltas() {}

    /** The flush between data and table does not happen. */
    static Delta dataNotSynced(Delta below) {
        return new ForwardingDelta(below) {
            private volatile boolean reserved;

            @Override
            public int reserve() throws IOException {
                reserved = true;
                return super.reserve();
            }

            @Override
            public void flush() throws IOException {
                if (!reserved) {
                    super.flush();
                }
                reserved = false;
            }
        };
    }

    /** The flush after the table was written does not happen. */
    static Delta tableNotSynced(Delta below) {
        return new ForwardingDelta(below) {
            private volatile boolean written;

            @Override
            public void writeMapPage(long page, AlignedBuffer src, int srcOffset) throws IOException {
                super.writeMapPage(page, src, srcOffset);
                written = true;
            }

            @Override
            public void flush() throws IOException {
                if (!written) {
                    super.flush();
                }
                written = false;
            }
        };
    }

    /** No flush at all. */
    static Delta neverSynced(Delta below) {
        return new ForwardingDelta(below) {
            @Override
            public void flush() {
                // Left out on purpose.
            }
        };
    }

    /** Discarded ranges keep their content. */
    static Delta punchLeftOut(Delta below) {
        return new ForwardingDelta(below) {
            @Override
            public void punch(int physicalCluster, int offsetBytes, int lengthBytes) {
                // Left out on purpose.
            }
        };
    }

    /** A lower delta that has nothing to copy up: only that reads into a buffer of one cluster. */
    static Delta copyUpLeftOut(Delta below) {
        return new ForwardingDelta(below) {
            @Override
            public void read(int physicalCluster, int offsetBytes, AlignedBuffer dst, int dstOffset, int lengthBytes)
                    throws IOException {
                if (dst.capacity() == CrashRun.CLUSTER) {
                    dst.zero(dstOffset, lengthBytes);
                } else {
                    super.read(physicalCluster, offsetBytes, dst, dstOffset, lengthBytes);
                }
            }
        };
    }

    /** The mark of use is cleared before the last flush of everything else. */
    static Delta markClearedTooEarly(Delta below) {
        return new ForwardingDelta(below) {
            private boolean asked;

            private void make() throws IOException {
                if (asked) {
                    asked = false;
                    below.flush();
                }
            }

            @Override
            public synchronized void flush() throws IOException {
                make();
                asked = true;
            }

            @Override
            public synchronized void writeMapPage(long page, AlignedBuffer src, int srcOffset) throws IOException {
                make();
                super.writeMapPage(page, src, srcOffset);
            }

            @Override
            public synchronized void overwrite(
                    int physicalCluster, int offsetBytes, AlignedBuffer src, int srcOffset, int lengthBytes)
                    throws IOException {
                make();
                super.overwrite(physicalCluster, offsetBytes, src, srcOffset, lengthBytes);
            }

            @Override
            public void markClosed() throws IOException {
                AlignedBuffer page = AlignedBuffer.allocate(PAGE_BYTES);
                io().read(0, page, 0, PAGE_BYTES);
                page.putInt(44, 0);
                io().write(0, page, 0, PAGE_BYTES);
                super.markClosed();
            }
        };
    }

    /** Discarded clusters are handed out again, but their entries stay in the table. */
    static Delta entryClearedLate(Delta below) {
        return new ForwardingDelta(below) {
            private final AlignedBuffer old = AlignedBuffer.allocate(PAGE_BYTES);
            private final AlignedBuffer merged = AlignedBuffer.allocate(PAGE_BYTES);
            private int writes;

            @Override
            public synchronized void writeMapPage(long page, AlignedBuffer src, int srcOffset) throws IOException {
                below.readMapPage(page, old, 0);
                writes++;
                for (int slot = 0; slot < PAGE_CLUSTERS; slot++) {
                    int now = src.getInt(srcOffset + slot * 4);
                    boolean late = now == NOT_ALLOCATED && writes % 2 == 1;
                    merged.putInt(slot * 4, late ? old.getInt(slot * 4) : now);
                }
                super.writeMapPage(page, merged, 0);
            }
        };
    }

    /** When the data of fresh clusters gets into the file. */
    enum Late {
        /** After the table that names them: the table is written before the data. */
        AFTER_THE_TABLE,
        /** Right after the flush that should have covered it: as if the table's page was copied after that flush. */
        AFTER_THE_FLUSH
    }

    static Delta dataLate(Delta below, Late late) {
        return new DataLate(below, late);
    }

    private static final class DataLate extends ForwardingDelta {
        private final Late late;
        private final Map<Integer, AlignedBuffer> heldBack = new ConcurrentHashMap<>();
        private boolean tableWritten;

        DataLate(Delta below, Late late) {
            super(below);
            this.late = late;
        }

        @Override
        public int reserve() throws IOException {
            int fresh = super.reserve();
            heldBack.put(fresh, AlignedBuffer.allocate(CrashRun.CLUSTER));
            return fresh;
        }

        @Override
        public void unreserve(int physicalCluster) {
            heldBack.remove(physicalCluster);
            super.unreserve(physicalCluster);
        }

        @Override
        public void read(int physicalCluster, int offsetBytes, AlignedBuffer dst, int dstOffset, int lengthBytes)
                throws IOException {
            AlignedBuffer held = heldBack.get(physicalCluster);
            if (held == null) {
                super.read(physicalCluster, offsetBytes, dst, dstOffset, lengthBytes);
            } else {
                dst.copyFrom(held, offsetBytes, dstOffset, lengthBytes);
            }
        }

        @Override
        public void overwrite(int physicalCluster, int offsetBytes, AlignedBuffer src, int srcOffset, int lengthBytes)
                throws IOException {
            AlignedBuffer held = heldBack.get(physicalCluster);
            if (held == null) {
                super.overwrite(physicalCluster, offsetBytes, src, srcOffset, lengthBytes);
            } else {
                held.copyFrom(src, srcOffset, offsetBytes, lengthBytes);
            }
        }

        @Override
        public void punch(int physicalCluster, int offsetBytes, int lengthBytes) throws IOException {
            AlignedBuffer held = heldBack.get(physicalCluster);
            if (held == null) {
                super.punch(physicalCluster, offsetBytes, lengthBytes);
            } else {
                held.zero(offsetBytes, lengthBytes);
            }
        }

        @Override
        public void writeMapPage(long page, AlignedBuffer src, int srcOffset) throws IOException {
            super.writeMapPage(page, src, srcOffset);
            tableWritten = true;
        }

        @Override
        public void flush() throws IOException {
            super.flush();
            if (late == Late.AFTER_THE_FLUSH || tableWritten) {
                tableWritten = false;
                for (Map.Entry<Integer, AlignedBuffer> entry : heldBack.entrySet()) {
                    super.overwrite(entry.getKey(), 0, entry.getValue(), 0, CrashRun.CLUSTER);
                }
                heldBack.clear();
            }
        }
    }
}
