package org.tidemark.ploop.server;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** Writes the same rising number to the start of each device in turn, each write synced before the next is issued. */
final class TwinWriter implements AutoCloseable {
    private static final int BLOCK_BYTES = 4096;

    private final List<RandomAccessFile> devices = new ArrayList<>();
    private final Thread thread = new Thread(this::write, "twin-writer");
    private volatile boolean stop;
    private volatile long rounds;

    TwinWriter(List<String> blocks) throws IOException {
        for (String block : blocks) {
            devices.add(new RandomAccessFile(block, "rwd"));
        }
        thread.setDaemon(true);
        thread.start();
    }

    private void write() {
        try {
            for (long number = 1; !stop; number++) {
                byte[] block = ByteBuffer.allocate(BLOCK_BYTES).putLong(number).array();
                for (RandomAccessFile device : devices) {
                    device.seek(0);
                    device.write(block);
                }
                rounds = number;
            }
        } catch (IOException e) {
            System.out.println("the writer ended: " + e);
        }
    }

    long rounds() {
        return rounds;
    }

    @Override
    public void close() throws IOException {
        stop = true;
        try {
            thread.join(ServerHost.LIMIT.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        for (RandomAccessFile device : devices) {
            device.close();
        }
    }
}
