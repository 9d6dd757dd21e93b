package org.tidemark.ploop.device.front;

import org.tidemark.ploop.os.OsException;

/** Who waits for space on the disk below. For those who keep a request and try it again themselves. */
public interface SpaceQueue {
    /** For a device whose requests never wait for space: they fail. */
    SpaceQueue NOBODY_WAITS = new SpaceQueue() {
        @Override
        public boolean concerns(OsException failure) {
            return false;
        }

        @Override
        public void begin(OsException failure) {
            throw new IllegalStateException("requests of this device do not wait for space", failure);
        }

        @Override
        public void end() {
            throw new IllegalStateException("nobody waits");
        }
    };

    /** Whether a request that failed so is to be tried again, as things stand now. */
    boolean concerns(OsException failure);

    /** A request begins to wait. */
    void begin(OsException failure);

    /** It waits no more: it was carried out, failed for another reason, or nobody wants its answer any more. */
    void end();
}
