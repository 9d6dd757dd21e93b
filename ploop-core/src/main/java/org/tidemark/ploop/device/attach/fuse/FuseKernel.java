package org.tidemark.ploop.device.attach.fuse;

/** The kernel's end of a FUSE connection: /dev/fuse, or a stand-in in tests. Results below 0 are minus an errno. */
interface FuseKernel {
    /** Waits for one request and puts it at {@code address}. */
    int receive(long address, int lengthBytes);

    /** Hands over one reply, or a notification. */
    int answer(long address, int lengthBytes);
}
