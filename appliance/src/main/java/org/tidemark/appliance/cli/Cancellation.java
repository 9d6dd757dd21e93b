package org.tidemark.appliance.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** ^C: asks the work to end and gives it time to clean up before the process goes. */
final class Cancellation implements BooleanSupplier, AutoCloseable {
    private static final long CLEAN_UP_SECONDS = 30;

    private final CountDownLatch ended = new CountDownLatch(1);
    private volatile boolean asked;
    private final Thread hook = new Thread(this::onShutdown, "cancel");

    Cancellation() {
        Runtime.getRuntime().addShutdownHook(hook);
    }

    private void onShutdown() {
        asked = true;
        try {
            if (!ended.await(CLEAN_UP_SECONDS, TimeUnit.SECONDS)) {
                System.err.println("tidemark: cleaning up takes too long; left as it is");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public boolean getAsBoolean() {
        return asked;
    }

    @Override
    public void close() {
        ended.countDown();
        if (!asked) {
            Runtime.getRuntime().removeShutdownHook(hook);
        }
    }
}
