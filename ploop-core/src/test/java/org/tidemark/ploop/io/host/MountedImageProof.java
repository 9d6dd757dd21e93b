package org.tidemark.ploop.io.host;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.direct.DirectImageDirectory;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;

/**
 * Files on a mount that another machine's kernel has, through the page cache and past it by turns: written at every alignment, zeroed, flushed
 * and read again for some seconds, and compared with what they must hold; then anew, from the server.
 */
public final class MountedImageProof {
    private static final int FILE_BYTES = 1 << 20;
    private static final int BLOCK_BYTES = 4096;

    private final ImageDirectory directory;
    private final String name;
    private final Random random;
    private final byte[] model = new byte[FILE_BYTES];
    private final AlignedBuffer buffer = AlignedBuffer.allocate(FILE_BYTES);
    private ImageIo io;
    private int steps;

    private MountedImageProof(ImageDirectory directory, String name) throws IOException {
        this.directory = directory;
        this.name = name;
        this.random = new Random(name.hashCode());
        this.io = directory.create(name);
        io.truncate(FILE_BYTES);
    }

    /** The arguments are the seconds and the folders. */
    public static void main(String[] arguments) throws IOException {
        List<String> folders = Arrays.asList(arguments).subList(1, arguments.length);
        MountedImageProof[] proofs = new MountedImageProof[2 * folders.size()];
        for (int i = 0; i < folders.size(); i++) {
            proofs[2 * i] = new MountedImageProof(new VfsImageDirectory(Path.of(folders.get(i))), "by-vfs");
            proofs[2 * i + 1] = new MountedImageProof(new DirectImageDirectory(Path.of(folders.get(i))), "by-direct");
        }
        long end = System.nanoTime() + Integer.parseInt(arguments[0]) * 1_000_000_000L;
        while (System.nanoTime() < end) {
            for (MountedImageProof proof : proofs) {
                proof.step();
            }
        }
        for (MountedImageProof proof : proofs) {
            proof.finish();
            System.out.println("RESULT " + proof.io.name() + " held " + (proof.steps > 50 ? "many" : proof.steps));
        }
    }

    private void step() throws IOException {
        steps++;
        int position = random.nextInt(FILE_BYTES - 1);
        int length = 1 + random.nextInt(Math.min(3 * BLOCK_BYTES, FILE_BYTES - position));
        if (random.nextInt(3) == 0) {
            position -= position % BLOCK_BYTES;
            length = Math.min(BLOCK_BYTES * (1 + random.nextInt(16)), FILE_BYTES - position);
        }
        switch (random.nextInt(8)) {
            case 0 -> {
                io.zero(position, length);
                Arrays.fill(model, position, position + length, (byte) 0);
            }
            case 1 -> io.flush();
            case 2 -> compare(position, length);
            default -> {
                byte[] bytes = new byte[length];
                random.nextBytes(bytes);
                System.arraycopy(bytes, 0, model, position, length);
                int offset = position % BLOCK_BYTES;
                buffer.bytes().put(offset, bytes);
                io.write(position, buffer, offset, length);
            }
        }
    }

    private void compare(int position, int length) throws IOException {
        int offset = position % BLOCK_BYTES;
        io.read(position, buffer, offset, length);
        byte[] found = new byte[length];
        buffer.bytes().get(offset, found);
        if (!Arrays.equals(found, 0, length, model, position, position + length)) {
            throw new AssertionError(io.name() + " at " + position + ", " + length + " bytes, step " + steps);
        }
    }

    /** Opened for writing it is read anew from the server. */
    private void finish() throws IOException {
        io.flush();
        io.close();
        io = directory.open(name, OpenMode.READ_WRITE);
        compare(0, FILE_BYTES);
        io.close();
    }
}
