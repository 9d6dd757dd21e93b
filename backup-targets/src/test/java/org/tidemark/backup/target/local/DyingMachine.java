package org.tidemark.backup.target.local;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;

/** Lets steps happen until its number is up; knows what is not durable then. */
final class DyingMachine implements PutStep.Watcher {
    static final class Died extends Error {
        private static final long serialVersionUID = 1L;
    }

    private final int diesAt;
    private int steps;
    private final Set<Path> unsynced = new HashSet<>();
    private final Set<Path> unpromised = new HashSet<>();

    DyingMachine(int diesAt) {
        this.diesAt = diesAt;
    }

    @Override
    public synchronized void reached(PutStep step, Path file) {
        if (steps >= diesAt) {
            throw new Died();
        }
        switch (step) {
            case WRITTEN -> unsynced.add(file);
            case SYNCED -> unsynced.remove(file);
            case LINKED -> unpromised.add(file);
            case FOLDER_SYNCED -> unpromised.remove(file);
            case UNLINKED -> {}
        }
        if (++steps >= diesAt) {
            throw new Died();
        }
    }

    /** What the loss of power does: content not synced becomes short, names not synced may vanish. */
    synchronized void losePower(Random random) throws IOException {
        for (Path file : unsynced) {
            if (Files.exists(file)) {
                Files.write(file, new byte[random.nextInt(100)]);
            }
        }
        for (Path name : unpromised) {
            if (random.nextBoolean()) {
                Files.deleteIfExists(name);
            }
        }
    }

    synchronized boolean died() {
        return steps >= diesAt;
    }
}
