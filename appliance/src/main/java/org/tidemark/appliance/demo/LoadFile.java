package org.tidemark.appliance.demo;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.zip.CRC32C;

/**
 * The files of the load: a few hundred names, each replaced again and again by a newer version whose content follows from
 * its number.
 *
 * <pre>
 *   0 u64 number | 8 u32 length of the rest | 12 u32 CRC32C of the rest | bytes made from the number
 * </pre>
 */
final class LoadFile {
    static final int NAMES = 300;
    private static final int HEADER_BYTES = 16;
    private static final int MAX_BYTES = 192 * 1024;

    private LoadFile() {}

    static String name(long number) {
        return "file-" + number % NAMES;
    }

    /** Replaces the file of that number; durable on return. */
    static void write(Path folder, long number) throws IOException {
        ByteBuffer content = content(number);
        Path fresh = folder.resolve(name(number) + ".new");
        try (FileChannel channel = FileChannel.open(
                fresh, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
            while (content.hasRemaining()) {
                channel.write(content);
            }
            channel.force(true);
        }
        Files.move(
                fresh,
                folder.resolve(name(number)),
                StandardCopyOption.ATOMIC_MOVE,
                StandardCopyOption.REPLACE_EXISTING);
        try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    /** The number of the version in a file; throws when it is not whole. */
    static long read(Path file) throws IOException {
        ByteBuffer found = ByteBuffer.wrap(Files.readAllBytes(file));
        if (found.capacity() < HEADER_BYTES) {
            throw new IOException(file.getFileName() + " has only " + found.capacity() + " bytes");
        }
        long number = found.getLong(0);
        if (!found.equals(content(number))) {
            throw new IOException(file.getFileName() + " does not hold what version " + number + " was");
        }
        return number;
    }

    private static ByteBuffer content(long number) {
        long state = number * 0x9E3779B97F4A7C15L + 1;
        int length = 512 + (int) ((state >>> 33) % MAX_BYTES);
        ByteBuffer content = ByteBuffer.allocate(HEADER_BYTES + length);
        content.position(HEADER_BYTES);
        while (content.remaining() >= 8) {
            state ^= state << 13;
            state ^= state >>> 7;
            state ^= state << 17;
            content.putLong(state);
        }
        CRC32C crc = new CRC32C();
        crc.update(content.array(), HEADER_BYTES, length);
        content.putLong(0, number).putInt(8, length).putInt(12, (int) crc.getValue());
        return content.position(0);
    }
}
