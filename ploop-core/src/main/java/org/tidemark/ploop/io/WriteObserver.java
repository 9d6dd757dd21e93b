package org.tidemark.ploop.io;

/** Is told what changes in a file, see {@link ObservedIo}. By the threads that change it: quick, and allocates nothing. */
@FunctionalInterface
public interface WriteObserver {
    /**
     * A range of the file is about to be changed, or was: called before and after each change, so that whoever forgets what he
     * was told before he reads is told again of what he did not see.
     *
     * @param position bytes from the start of the file
     */
    void changed(long position, long length);
}
