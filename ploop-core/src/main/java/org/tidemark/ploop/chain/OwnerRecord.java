package org.tidemark.ploop.chain;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.os.HostIdentity;

/**
 * Who has an image open for writing: a small text file beside it, {@code tidemark-owner 1 <host id> <boot id> <generation>}. The lock
 * says whether somebody is alive now; this record says whose the in-use mark is when nobody is.
 *
 * @param generation the how-manieth device server of its host it was; 0 for a command that has no server
 */
public record OwnerRecord(HostIdentity host, long generation) {
    /** The record's file beside an image with a descriptor. */
    static final String FILE_NAME = "tidemark-owner";

    private static final String MAGIC = "tidemark-owner 1 ";
    private static final int MAX_BYTES = 1024;

    /** The owner that a command is while it works on an image. */
    public static OwnerRecord ofCommand() throws IOException {
        return new OwnerRecord(HostIdentity.read(), 0);
    }

    /** Reads the record; empty when there is none or it makes no sense. */
    public static Optional<OwnerRecord> read(ImageDirectory folder, String name) throws IOException {
        if (!folder.exists(name)) {
            return Optional.empty();
        }
        try (ImageIo io = folder.open(name, OpenMode.READ_ONLY)) {
            int length = (int) Math.min(io.size(), MAX_BYTES);
            AlignedBuffer buffer = AlignedBuffer.allocate(MAX_BYTES);
            io.read(0, buffer, 0, length);
            byte[] bytes = new byte[length];
            buffer.bytes().get(0, bytes);
            String text = new String(bytes, StandardCharsets.UTF_8).strip();
            String[] words =
                    text.startsWith(MAGIC) ? text.substring(MAGIC.length()).split(" ") : new String[0];
            if (words.length != 3 || !words[2].matches("[0-9]{1,18}")) {
                return Optional.empty();
            }
            return Optional.of(new OwnerRecord(new HostIdentity(words[0], words[1]), Long.parseLong(words[2])));
        }
    }

    /** Writes the record; durable on return. */
    public void write(ImageDirectory folder, String name) throws IOException {
        byte[] text = (MAGIC + host.hostId() + " " + host.bootId() + " " + generation + "\n")
                .getBytes(StandardCharsets.UTF_8);
        AlignedBuffer buffer = AlignedBuffer.allocate(MAX_BYTES);
        buffer.bytes().put(0, text);
        String fresh = name + ".new";
        if (folder.exists(fresh)) {
            folder.delete(fresh);
        }
        try (ImageIo io = folder.create(fresh)) {
            io.write(0, buffer, 0, text.length);
            io.flush();
        }
        folder.rename(fresh, name);
        folder.sync();
    }

    /** Removes the record; durable on return. */
    public static void remove(ImageDirectory folder, String name) throws IOException {
        if (folder.exists(name)) {
            folder.delete(name);
            folder.sync();
        }
    }
}
