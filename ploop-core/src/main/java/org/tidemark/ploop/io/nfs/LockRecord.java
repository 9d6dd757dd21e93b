package org.tidemark.ploop.io.nfs;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The content of a lock's file beside an image: lines of a word and a value, of constant length.
 *
 * @param held false: the lock was let go
 * @param process whose lock it is
 * @param leaseSeconds how often its owner renews it: three times in this time
 * @param file what the locked file was called
 * @param renewals how often it was renewed
 * @param series the same for owners that followed each other without anybody between them and knew each other's kept writes
 */
record LockRecord(boolean held, OwnerProcess process, long leaseSeconds, String file, long renewals, long series) {
    /** How large the file is. */
    static final int BYTES = 1024;

    private static final String MAGIC = "tidemark-nfs-lock 1";
    private static final int MOST_OF_FILE_NAME = 120;

    LockRecord renewed() {
        return new LockRecord(held, process, leaseSeconds, file, renewals + 1, series);
    }

    LockRecord released() {
        return new LockRecord(false, process, leaseSeconds, file, renewals + 1, series);
    }

    /** The content, in direct memory. */
    ByteBuffer encoded() {
        String text = MAGIC + "\nstate " + (held ? "held" : "released") + "\nhost " + process.hostId() + "\nboot "
                + process.bootId() + "\nnamespace " + process.pidNamespace() + "\npid " + process.pid() + "\nstart "
                + process.startTicks() + "\nlease " + leaseSeconds + "\nrenewals " + renewals + "\nseries " + series
                + "\nfile "
                + file.substring(0, Math.min(MOST_OF_FILE_NAME, file.length())).replace('\n', ' ') + "\n";
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        ByteBuffer content = ByteBuffer.allocateDirect(BYTES);
        content.put(bytes, 0, Math.min(BYTES - 1, bytes.length));
        while (content.position() < BYTES - 1) {
            content.put((byte) ' ');
        }
        return content.put((byte) '\n').flip();
    }

    /** Empty when it makes no sense. */
    static Optional<LockRecord> parse(ByteBuffer content) {
        byte[] bytes = new byte[content.remaining()];
        content.get(bytes);
        String[] lines = new String(bytes, StandardCharsets.UTF_8).split("\n");
        if (!lines[0].equals(MAGIC)) {
            return Optional.empty();
        }
        Map<String, String> values = new HashMap<>();
        for (String line : lines) {
            int space = line.indexOf(' ');
            if (space > 0) {
                values.put(line.substring(0, space), line.substring(space + 1));
            }
        }
        try {
            return Optional.of(new LockRecord(
                    values.getOrDefault("state", "held").equals("held"),
                    new OwnerProcess(
                            values.getOrDefault("host", ""),
                            values.getOrDefault("boot", ""),
                            values.getOrDefault("namespace", ""),
                            number(values, "pid"),
                            number(values, "start")),
                    number(values, "lease"),
                    values.getOrDefault("file", ""),
                    number(values, "renewals"),
                    number(values, "series")));
        } catch (NumberFormatException e) {
            return Optional.empty();
        }
    }

    private static long number(Map<String, String> values, String word) {
        return Long.parseLong(values.getOrDefault(word, ""));
    }
}
