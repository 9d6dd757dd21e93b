package org.tidemark.appliance.service.job;

import jakarta.inject.Singleton;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;

/** Tells listeners of every change of a job. Listeners must be quick and must not throw. */
@Singleton
public final class JobEvents {
    private final List<Consumer<JobState>> listeners = new CopyOnWriteArrayList<>();

    /** Listens until the returned object is closed. */
    public Subscription listen(Consumer<JobState> listener) {
        listeners.add(listener);
        return () -> listeners.remove(listener);
    }

    void tell(JobState state) {
        for (Consumer<JobState> listener : listeners) {
            listener.accept(state);
        }
    }

    /** Ends listening. */
    @FunctionalInterface
    public interface Subscription extends AutoCloseable {
        @Override
        void close();
    }
}
