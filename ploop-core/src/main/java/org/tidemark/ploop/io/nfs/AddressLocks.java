package org.tidemark.ploop.io.nfs;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.tidemark.ploop.io.ImageException;

/**
 * The locks of those who use an image by its address on an NFS server, as they are seen in a folder of this host: on a mount of
 * the export, or on the server itself.
 */
public final class AddressLocks {
    private static final int LOOKS = 4;

    private AddressLocks() {}

    /**
     * Throws {@link ImageException} of kind IN_USE when a file is in use by its address, or, for an exclusive lock, read. A mount may show the folder as it was up
     * to a minute ago, and nobody there sees the locks that are taken here: this finds a mistake, it does not make it safe.
     */
    public static void requireNone(Path folder, String name, boolean exclusive) throws IOException {
        long fileId = (Long) Files.getAttribute(folder.resolve(name), "unix:ino");
        String ofFile = Long.toHexString(fileId) + "-";
        boolean settled = false;
        for (int look = 0; look < LOOKS && !settled; look++) {
            Path owner = null;
            for (Path record : records(folder)) {
                String word = String.valueOf(record.getFileName());
                if (exclusive && word.startsWith(LockRecords.READER + ofFile)) {
                    requireEnded(folder, name, record);
                }
                // Of numbers of the same length the highest comes last.
                boolean higher = word.startsWith(LockRecords.OWNER + ofFile)
                        && (owner == null || word.compareTo(String.valueOf(owner.getFileName())) > 0);
                owner = higher ? record : owner;
            }
            // One that goes while it is looked at has a successor.
            settled = owner == null || requireEnded(folder, name, owner);
        }
    }

    private static List<Path> records(Path folder) throws IOException {
        List<Path> found = new ArrayList<>();
        try (DirectoryStream<Path> records = Files.newDirectoryStream(folder, NfsExport.OWN + "{owner,reader}-*")) {
            records.forEach(found::add);
        } catch (AccessDeniedException e) {
            // Who may not list the folder cannot know.
            return List.of();
        } catch (DirectoryIteratorException e) {
            throw e.getCause();
        }
        return found;
    }

    /** False when the record is gone. */
    private static boolean requireEnded(Path folder, String name, Path record) throws IOException {
        Optional<LockRecord> content;
        try {
            content = LockRecord.parse(ByteBuffer.wrap(Files.readAllBytes(record)));
        } catch (NoSuchFileException e) {
            return false;
        }
        boolean ended = content.isPresent()
                && (!content.get().held()
                        || OwnerProcesses.REAL.certainlyDead(content.get().process()));
        if (!ended) {
            throw new ImageException(
                    ImageException.Kind.IN_USE,
                    folder.resolve(name) + " is in use by its address on the NFS server ("
                            + content.map(LockRecord::process)
                                    .map(owner -> "host " + owner.hostId() + ", process " + owner.pid())
                                    .orElse("a lock record that cannot be read")
                            + "); detach it there first. Only if that host is dead: 'tidemark image break-lock' with the address");
        }
        return true;
    }
}
