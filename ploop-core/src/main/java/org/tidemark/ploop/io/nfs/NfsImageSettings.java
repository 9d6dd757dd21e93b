package org.tidemark.ploop.io.nfs;

import java.time.Duration;

/**
 * How images on an NFS server are used.
 *
 * @param connections the most connections to the server; each serves one request at a time
 * @param keptBytes the most that is written to one file and not committed
 * @param requestLimit how long a connection may be silent before it is given up
 * @param patience how long the server may be away before requests fail and the device becomes read-only
 * @param settleTime a request whose connection broke is carried out by the server within this time after it answers
 *     again, or never; changes of the same bytes or names wait for so long, or for less (a thirtieth at least) with a server that answers fast
 * @param lease how often the owner of an image shows that it is alive: three times in this time; it stops writing when
 *     it could not for half of it
 */
public record NfsImageSettings(
        int connections, int keptBytes, Duration requestLimit, Duration patience, Duration settleTime, Duration lease) {
    private static final int SMALLEST_KEPT_BYTES = 64 << 10;

    public NfsImageSettings {
        if (connections < 1 || keptBytes < SMALLEST_KEPT_BYTES || keptBytes % 4096 != 0) {
            throw new IllegalArgumentException(connections + " connections, " + keptBytes + " bytes kept");
        }
    }

    /** What a command wants, which somebody waits for: a server that is away is an error after half a minute. */
    public static NfsImageSettings ofCommand() {
        return new NfsImageSettings(
                2,
                4 << 20,
                Duration.ofSeconds(15),
                Duration.ofSeconds(30),
                Duration.ofSeconds(60),
                Duration.ofSeconds(60));
    }

    /** What a container's device wants. */
    public static NfsImageSettings defaults() {
        return new NfsImageSettings(
                4,
                16 << 20,
                Duration.ofSeconds(30),
                Duration.ofMinutes(10),
                Duration.ofSeconds(60),
                Duration.ofSeconds(60));
    }
}
