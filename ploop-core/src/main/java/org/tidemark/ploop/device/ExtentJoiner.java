package org.tidemark.ploop.device;

import java.io.IOException;

/** Joins neighbouring extents of one kind before it passes them on. */
final class ExtentJoiner implements BlockDevice.ExtentVisitor {
    private final BlockDevice.ExtentVisitor next;
    private long offset;
    private long length;
    private boolean zero;

    ExtentJoiner(BlockDevice.ExtentVisitor next) {
        this.next = next;
    }

    @Override
    public void extent(long offsetBytes, long lengthBytes, boolean isZero) throws IOException {
        if (length > 0 && isZero == zero && offset + length == offsetBytes) {
            length += lengthBytes;
            return;
        }
        finish();
        offset = offsetBytes;
        length = lengthBytes;
        zero = isZero;
    }

    void finish() throws IOException {
        if (length > 0) {
            next.extent(offset, length, zero);
            length = 0;
        }
    }
}
