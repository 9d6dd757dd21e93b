package org.tidemark.backup.engine;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A few workers and the units they work on. Bounded twice: how many units wait, and how many younger ones may overtake
 * the oldest unfinished. The first failure, or the wish to cancel, ends everything.
 */
final class WorkPipeline<T> implements AutoCloseable {
    /** Units between the oldest unfinished one and the youngest. */
    static final int WINDOW = 128;

    private static final long LOOK_MILLIS = 50;
    private static final long STOP_SECONDS = 30;

    private final BooleanSupplier cancelled;
    private final List<Thread> threads = new ArrayList<>();
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    /** Guarded by lock. */
    private final ArrayDeque<Map.Entry<Long, T>> waiting = new ArrayDeque<>();
    /** Waiting or being worked on, by number. Guarded by lock. */
    private final TreeMap<Long, T> unfinished = new TreeMap<>();
    /** Guarded by lock. */
    private long nextNumber;
    /** Guarded by lock. */
    private boolean stopped;
    /** Guarded by lock. */
    private @Nullable Throwable failure;

    /** What one worker does; it belongs to one thread, which closes it. */
    interface Worker<T> extends AutoCloseable {
        void work(T unit) throws IOException;

        @Override
        void close();
    }

    WorkPipeline(String name, int workers, Supplier<Worker<T>> newWorker, BooleanSupplier cancelled) {
        this.cancelled = cancelled;
        for (int i = 1; i <= workers; i++) {
            Thread thread = new Thread(() -> run(newWorker), name + "-" + i);
            thread.setDaemon(true);
            threads.add(thread);
        }
        threads.forEach(Thread::start);
    }

    private void run(Supplier<Worker<T>> newWorker) {
        try (Worker<T> worker = newWorker.get()) {
            for (Map.Entry<Long, T> unit = take(); unit != null; unit = take()) {
                worker.work(unit.getValue());
                finished(unit.getKey());
            }
        } catch (InterruptedException e) {
            // Only close() interrupts, and it knows.
        } catch (IOException | RuntimeException | Error e) {
            lock.lock();
            try {
                failure = failure == null ? e : failure;
                stopped = true;
                changed.signalAll();
            } finally {
                lock.unlock();
            }
        }
    }

    private Map.@Nullable Entry<Long, T> take() throws InterruptedException {
        lock.lock();
        try {
            while (!stopped && waiting.isEmpty()) {
                changed.await();
            }
            return stopped ? null : waiting.poll();
        } finally {
            lock.unlock();
        }
    }

    private void finished(long number) {
        lock.lock();
        try {
            unfinished.remove(number);
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Hands a unit to the workers; waits while the window is full. */
    void submit(T unit) throws IOException {
        lock.lock();
        try {
            while (!unfinished.isEmpty() && nextNumber - unfinished.firstKey() >= WINDOW) {
                waitForChange();
            }
            throwFailure();
            waiting.add(Map.entry(nextNumber, unit));
            unfinished.put(nextNumber++, unit);
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Waits until every unit is finished. */
    void drain() throws IOException {
        lock.lock();
        try {
            while (!unfinished.isEmpty()) {
                waitForChange();
            }
            throwFailure();
        } finally {
            lock.unlock();
        }
    }

    /** The oldest unit that is not finished. */
    Optional<T> oldest() {
        lock.lock();
        try {
            return unfinished.isEmpty()
                    ? Optional.empty()
                    : Optional.of(unfinished.firstEntry().getValue());
        } finally {
            lock.unlock();
        }
    }

    private void waitForChange() throws IOException {
        throwFailure();
        try {
            changed.await(LOOK_MILLIS, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new EngineException(EngineException.Kind.CANCELLED, "interrupted", e);
        }
    }

    private void throwFailure() throws IOException {
        if (failure instanceof IOException e) {
            throw e;
        }
        if (failure instanceof RuntimeException e) {
            throw e;
        }
        if (failure instanceof Error e) {
            throw e;
        }
        if (cancelled.getAsBoolean()) {
            throw new EngineException(EngineException.Kind.CANCELLED, "cancelled; nothing was changed");
        }
    }

    /** Ends the workers: after a drain at once, else after the units they have. Waits for them within limits. */
    @Override
    public void close() {
        boolean idle;
        lock.lock();
        try {
            stopped = true;
            idle = unfinished.isEmpty();
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        boolean interrupted = Thread.interrupted();
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(STOP_SECONDS);
        for (Thread thread : threads) {
            try {
                thread.join(idle ? TimeUnit.SECONDS.toMillis(STOP_SECONDS) : 1000);
                if (thread.isAlive()) {
                    thread.interrupt();
                    thread.join(Math.max(1, TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime())));
                }
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
