package org.tidemark.ploop.check;

/** How bad a finding is. */
public enum Severity {
    /** Nothing is wrong with the content: space is wasted, or another tool would complain. */
    NOTE,
    /** The content is right now, but opening for writing needs care: recovery, or a tool of the other vendor. */
    WARNING,
    /** Content is wrong or lost. Never written to before it is repaired. */
    DAMAGE
}
