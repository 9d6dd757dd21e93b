package org.tidemark.appliance.cli;

import java.util.Locale;

/** A bar on standard error while it is a terminal; nothing otherwise. */
final class ProgressBar implements AutoCloseable {
    private static final int WIDTH = 30;
    private static final int LINE = 110;

    private final String what;
    private final boolean shown;
    private int turn;

    ProgressBar(String what, boolean wanted) {
        this.what = what;
        this.shown = wanted && System.console() != null;
    }

    void at(long done, long of, String more) {
        if (of > 0) {
            at((double) done / of, more);
        }
    }

    /** How much of the whole is done, 0 to 1. */
    void at(double fraction, String more) {
        double bounded = Math.max(0, Math.min(1, fraction));
        int filled = (int) (bounded * WIDTH);
        line(String.format(
                Locale.ROOT,
                "%s [%s%s] %3d %%  %s",
                what,
                "#".repeat(filled),
                ".".repeat(WIDTH - filled),
                (int) (bounded * 100),
                more));
    }

    /** Something goes on, nobody knows for how long. */
    void waiting(String more) {
        turn = (turn + 1) % WIDTH;
        line(what + " [" + ".".repeat(turn) + "#" + ".".repeat(WIDTH - 1 - turn) + "]        " + more);
    }

    private void line(String text) {
        if (shown) {
            String cut = text.length() > LINE ? text.substring(0, LINE) : text;
            System.err.print("\r" + cut + " ".repeat(LINE - cut.length()));
            System.err.flush();
        }
    }

    @Override
    public void close() {
        if (shown) {
            System.err.print("\r" + " ".repeat(LINE) + "\r");
            System.err.flush();
        }
    }
}
