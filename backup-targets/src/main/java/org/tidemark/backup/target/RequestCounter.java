package org.tidemark.backup.target;

import java.util.concurrent.atomic.LongAdder;

/** Counts requests and bytes. Safe for many threads. */
public final class RequestCounter {
    private final LongAdder puts = new LongAdder();
    private final LongAdder gets = new LongAdder();
    private final LongAdder lists = new LongAdder();
    private final LongAdder bytesPut = new LongAdder();
    private final LongAdder bytesGot = new LongAdder();

    /** A request that writes, the steps of a multipart put included. */
    public void put() {
        puts.increment();
    }

    /** A request that reads content or size. */
    public void get() {
        gets.increment();
    }

    /** A page of a listing. */
    public void list() {
        lists.increment();
    }

    /** Content that arrived at the target. */
    public void bytesPut(long bytes) {
        bytesPut.add(bytes);
    }

    /** Content that arrived here. */
    public void bytesGot(long bytes) {
        bytesGot.add(bytes);
    }

    /** The state of the counts. */
    public MeteredTarget.Count count() {
        return new MeteredTarget.Count(puts.sum(), gets.sum(), lists.sum(), bytesPut.sum(), bytesGot.sum());
    }
}
