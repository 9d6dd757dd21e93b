package org.tidemark.backup.target;

/** A target that can hold back what it sends while it sends it. */
public interface SelfPacing extends BackupTarget {
    /**
     * The same target, asking {@code pace} before it sends content. Shares everything else; closing what is returned
     * closes nothing.
     */
    BackupTarget paced(LinkPace pace);
}
