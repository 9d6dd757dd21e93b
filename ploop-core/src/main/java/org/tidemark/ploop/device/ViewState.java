package org.tidemark.ploop.device;

/** What a view can still show. */
public enum ViewState {
    /** Everything that was not released. */
    WHOLE,
    /** Nothing: old data could not be saved in time. The device went on. */
    BROKEN,
    CLOSED
}
