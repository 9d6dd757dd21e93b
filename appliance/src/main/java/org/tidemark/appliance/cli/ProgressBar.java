package org.tidemark.appliance.cli;

import java.util.Locale;

/** A bar on standard error while it is a terminal; nothing otherwise. */
final class ProgressBar implements AutoCloseable {
    private static final int WIDTH = 30;

    private final String what;
    private final boolean shown;

    ProgressBar(String what, boolean wanted) {
        this.what = what;
        this.shown = wanted && System.console() != null;
    }

    void at(long done, long of, String more) {
        if (!shown || of <= 0) {
            return;
        }
        int filled = (int) Math.min(WIDTH, done * WIDTH / of);
        System.err.print(String.format(
                Locale.ROOT,
                "\r%s [%s%s] %3d %%  %s   ",
                what,
                "#".repeat(filled),
                ".".repeat(WIDTH - filled),
                Math.min(100, done * 100 / of),
                more));
        System.err.flush();
    }

    @Override
    public void close() {
        if (shown) {
            System.err.print("\r" + " ".repeat(100) + "\r");
            System.err.flush();
        }
    }
}
