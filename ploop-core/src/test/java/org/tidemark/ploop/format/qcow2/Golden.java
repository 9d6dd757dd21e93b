package org.tidemark.ploop.format.qcow2;

import java.io.IOException;
import java.io.InputStream;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.zip.GZIPInputStream;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageIo;

/** Images that qemu-img 7.2 made, kept for ever, and the SHA-256 of what qemu-img reads from them. */
public final class Golden {
    private static final String FOLDER = "/golden/qcow2/";

    /** Never written to once they are there. */
    private static final Map<String, byte[]> UNPACKED = new ConcurrentHashMap<>();

    private Golden() {}

    /** Name to hash; a name is that of an image, or {@code image.at-snapshot}. */
    static Map<String, String> contents() throws IOException {
        Map<String, String> hashes = new TreeMap<>();
        for (String line :
                new String(bytes("content.sha256"), java.nio.charset.StandardCharsets.US_ASCII).split("\n")) {
            hashes.put(line.substring(65), line.substring(0, 64));
        }
        return hashes;
    }

    private static byte[] bytes(String name) throws IOException {
        try (InputStream in = Golden.class.getResourceAsStream(FOLDER + name)) {
            if (in == null) {
                throw new IllegalArgumentException("no golden file " + name);
            }
            return in.readAllBytes();
        }
    }

    /** The unpacked bytes of a golden file; a copy of its own for each caller. */
    public static byte[] unpacked(String name) throws IOException {
        return shared(name).clone();
    }

    private static byte[] shared(String name) throws IOException {
        byte[] known = UNPACKED.get(name);
        if (known == null) {
            known = unpack(name);
            UNPACKED.put(name, known);
        }
        return known;
    }

    private static byte[] unpack(String name) throws IOException {
        try (InputStream in = Golden.class.getResourceAsStream(FOLDER + name + ".gz")) {
            if (in == null) {
                throw new IllegalArgumentException("no golden file " + name);
            }
            return new GZIPInputStream(in).readAllBytes();
        }
    }

    /** Puts an unpacked golden file into a folder, durably. */
    public static void put(ImageDirectory folder, String name, String as) throws IOException {
        byte[] bytes = shared(name);
        try (ImageIo io = folder.create(as)) {
            AlignedBuffer buffer = AlignedBuffer.allocate(bytes.length);
            buffer.bytes().put(0, bytes);
            io.write(0, buffer, 0, bytes.length);
            io.flush();
        }
        folder.sync();
    }
}
