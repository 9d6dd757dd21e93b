package org.tidemark.ploop.proof;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.Random;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.BrokenOff;
import org.tidemark.ploop.sim.ForwardingDirectory;
import org.tidemark.ploop.sim.ForwardingImageIo;
import org.tidemark.ploop.sim.SimulatedDisk;

/** Programs that deal wrongly with a disk that fails, and the lives that once found such a thing in this one. */
@Timeout(300)
final class FailedIoControlTest {
    private static final int SEEDS = 200;

    private static final Logger LOG = Logger.getLogger("org.tidemark");

    /** Thousands of failures on purpose: nobody wants to read them. */
    @BeforeAll
    static void quietly() {
        LOG.setLevel(Level.OFF);
    }

    @AfterAll
    static void aloud() {
        LOG.setLevel(null);
    }

    /** What a program does wrong. */
    enum Fault {
        /** A flush that failed is taken for one that did not. */
        SWALLOWED {
            @Override
            ImageDirectory in(ImageDirectory folder) {
                return new ForwardingDirectory(folder, file -> new ForwardingImageIo(file) {
                    @Override
                    public void flush() {
                        try {
                            below.flush();
                        } catch (IOException e) {
                            // Who cares.
                        }
                    }
                });
            }
        },
        /** A flush that failed is tried again, on a new descriptor, and believed. */
        TRIED_AGAIN {
            @Override
            ImageDirectory in(ImageDirectory folder) {
                return new Persistent(folder);
            }
        },
        /** A write that failed is taken for one that did not. */
        WRITES_SWALLOWED {
            @Override
            ImageDirectory in(ImageDirectory folder) {
                return new ForwardingDirectory(folder, file -> new ForwardingImageIo(file) {
                    @Override
                    public void write(long position, AlignedBuffer src, int srcOffset, int length) {
                        try {
                            below.write(position, src, srcOffset, length);
                        } catch (IOException e) {
                            // Who cares.
                        }
                    }
                });
            }
        };

        abstract ImageDirectory in(ImageDirectory folder);
    }

    /** Opens the file anew when its flush fails, and flushes that. */
    private static final class Persistent extends ForwardingDirectory {
        Persistent(ImageDirectory below) {
            super(below, file -> file);
        }

        @Override
        public ImageIo open(String name, OpenMode mode) throws IOException {
            return mode == OpenMode.READ_WRITE ? new File(name, below.open(name, mode)) : below.open(name, mode);
        }

        @Override
        public ImageIo create(String name) throws IOException {
            return new File(name, below.create(name));
        }

        private final class File extends ForwardingImageIo {
            private final String name;

            File(String name, ImageIo file) {
                super(file);
                this.name = name;
            }

            @Override
            public void flush() throws IOException {
                try {
                    below.flush();
                } catch (IOException e) {
                    try (ImageIo again = Persistent.this.below.open(name, OpenMode.READ_WRITE)) {
                        again.flush();
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Fault.class)
    void whoeverSaysThatItIsDoneIsCaught(Fault fault) {
        for (FailedIoLives.Kind kind : FailedIoLives.Kind.values()) {
            assertThat(caught(kind, fault::in)).as(fault + " in " + kind).isTrue();
        }
    }

    private interface Program {
        ImageDirectory of(ImageDirectory folder);
    }

    private static boolean caught(FailedIoLives.Kind kind, Program program) {
        for (long seed = 1; seed <= SEEDS; seed++) {
            try {
                kind.live(new Random(seed), BrokenOff.BY_FAILED_IO, program::of);
            } catch (AssertionError | IOException | IndexOutOfBoundsException e) {
                return true;
            }
        }
        return false;
    }

    /** What was lost is still seen when the file is opened anew: a program that does not drop the page cache. */
    @Test
    void whoeverBelievesTheCacheOfAFailedFlushIsCaught() {
        assertThat(caught(FailedIoLives.Kind.CONVERSION, folder -> {
                    ((SimulatedDisk) folder).keepCacheOfFailedFlushes();
                    return folder;
                }))
                .isTrue();
    }

    /**
     * A flush failed in a search for free clusters and nobody was told; a merge was broken off, and what only its half-written
     * level held was never flushed.
     */
    @Test
    void livesThatFoundSomething() throws IOException {
        for (long seed : new long[] {1649, 4754, 4835}) {
            CrashHarnesses.attachedOnFailingDisk(new Random(seed));
        }
    }
}
