package org.tidemark.ploop.sim;

/** A change that is visible and not durable. */
public sealed interface PendingOperation {
    /** A change of one file's bytes or size. */
    sealed interface OnFile extends PendingOperation {
        /** Tells files apart. */
        int fileId();
    }

    /** A change of names. */
    sealed interface OnNames extends PendingOperation {
        /** One of the names. */
        String name();
    }

    record Write(int fileId, String name, long position, byte[] bytes) implements OnFile {
        @Override
        public String toString() {
            return "write " + name + " [" + position + ", +" + bytes.length + ")";
        }
    }

    record Punch(int fileId, String name, long position, long length) implements OnFile {}

    record Truncate(int fileId, String name, long size) implements OnFile {}

    record Create(int fileId, String name) implements OnNames {}

    record Rename(int fileId, String from, String to) implements OnNames {
        @Override
        public String name() {
            return to;
        }
    }

    /** {@code name} is {@code folderId} from now on, and {@code folder} is {@code fileId}. */
    record Exchange(int fileId, String name, int folderId, String folder) implements OnNames {}

    record Delete(String name) implements OnNames {}
}
