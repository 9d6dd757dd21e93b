package org.tidemark.ploop.sim;

import java.io.IOException;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageIo;

/**
 * Any folder, with every image that is opened for writing watched: expanded ones by {@link OrderCheckedImageIo}, qcow2 ones by
 * {@link Qcow2OrderCheck}.
 */
public final class OrderCheckedDirectory extends ForwardingDirectory {
    public OrderCheckedDirectory(ImageDirectory below) {
        super(below, file -> file);
    }

    @Override
    public ImageIo open(String name, OpenMode mode) throws IOException {
        ImageIo io = below.open(name, mode);
        return mode == OpenMode.READ_WRITE ? Qcow2OrderCheck.watch(OrderCheckedImageIo.watch(io)) : io;
    }

    @Override
    protected ImageDirectory wrapped(ImageDirectory folder) {
        return new OrderCheckedDirectory(folder);
    }
}
