package org.tidemark.backup.target;

/** A target of which one call can be several requests: it counts them itself. */
public interface SelfCounting extends BackupTarget {
    /**
     * The same target, telling {@code counter} of each request. Shares everything else; closing what is returned closes
     * nothing.
     */
    BackupTarget counting(RequestCounter counter);
}
