package org.tidemark.appliance.cli;

/** What a command's end means to a script. */
final class ExitCodes {
    static final int DONE = 0;
    static final int FAILED = 1;
    static final int USAGE = 2;
    static final int NOT_FOUND = 3;
    static final int BUSY = 4;
    static final int DAMAGED = 5;
    static final int NOT_PERMITTED = 6;
    static final int UNREACHABLE = 7;

    private ExitCodes() {}
}
