package org.tidemark.ploop.device.front;

/**
 * What a device may do in a second; 0 means as much as it can.
 *
 * @param burstMillis after a rest, so much more than its rate may be done at once: what the rate allows in this time
 */
public record IoLimit(long requestsPerSecond, long bytesPerSecond, long burstMillis) {
    public static final long USUAL_BURST_MILLIS = 250;
    public static final IoLimit NONE = new IoLimit(0, 0, USUAL_BURST_MILLIS);

    private static final long MOST_REQUESTS = 1_000_000_000L;
    private static final long FEWEST_BYTES = 1024;
    private static final long MOST_BURST_MILLIS = 60_000;

    public IoLimit {
        if (requestsPerSecond < 0 || requestsPerSecond > MOST_REQUESTS) {
            throw new IllegalArgumentException("requests a second: 1 to " + MOST_REQUESTS + ", or 0 for no limit");
        }
        if (bytesPerSecond != 0 && bytesPerSecond < FEWEST_BYTES) {
            throw new IllegalArgumentException("bytes a second: " + FEWEST_BYTES + " or more, or 0 for no limit");
        }
        if (burstMillis < 0 || burstMillis > MOST_BURST_MILLIS) {
            throw new IllegalArgumentException("burst: 0 to " + MOST_BURST_MILLIS + " ms");
        }
    }

    public boolean limits() {
        return requestsPerSecond > 0 || bytesPerSecond > 0;
    }
}
