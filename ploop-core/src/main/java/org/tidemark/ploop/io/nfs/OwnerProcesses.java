package org.tidemark.ploop.io.nfs;

import java.io.IOException;

/** Who this process is and which others are dead; a simulation has its own. */
interface OwnerProcesses {
    /** The real ones. */
    OwnerProcesses REAL = new OwnerProcesses() {
        @Override
        public OwnerProcess self() throws IOException {
            return OwnerProcess.self();
        }

        @Override
        public boolean certainlyDead(OwnerProcess process) throws IOException {
            return process.certainlyDead(self());
        }
    };

    OwnerProcess self() throws IOException;

    /** False when nobody here can tell. */
    boolean certainlyDead(OwnerProcess process) throws IOException;
}
