package org.tidemark.ploop.device.attach.fuse;

import org.tidemark.ploop.os.NativeFile;

/** /dev/fuse. */
record DevFuse(NativeFile file) implements FuseKernel {
    @Override
    public int receive(long address, int lengthBytes) {
        return file.read(address, lengthBytes);
    }

    @Override
    public int answer(long address, int lengthBytes) {
        return file.write(address, lengthBytes);
    }
}
