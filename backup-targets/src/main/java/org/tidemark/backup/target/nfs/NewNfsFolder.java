package org.tidemark.backup.target.nfs;

import java.io.IOException;
import java.util.List;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.tidemark.backup.target.ProbeStep;
import org.tidemark.backup.target.TargetException;
import org.tidemark.backup.target.TargetException.Kind;
import org.tidemark.backup.target.TargetMarker;
import org.tidemark.backup.target.TargetProbe;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.OsException;
import org.tidemark.ploop.os.nfs.NfsEntry;
import org.tidemark.ploop.os.nfs.NfsLocation;

/** Tries whether a folder on a server can become a target, and leaves it as it was. */
public final class NewNfsFolder {
    private NewNfsFolder() {}

    /**
     * What was tried.
     *
     * @param isTarget whether it is one already, so that it is to be opened
     * @param failure what the last step ended with; null when all went well
     */
    public record Result(
            boolean isTarget,
            List<ProbeStep> steps,
            @Nullable TargetException failure) {}

    /** Closes {@code opened}. */
    static Result probe(NfsLocation location, NfsSession opened, RandomGenerator random) {
        TargetProbe probe = new TargetProbe(System::nanoTime);
        String step = "reach the server and mount";
        long start = System.nanoTime();
        try (NfsSession session = opened) {
            String folder = session.folder();
            probe.note(step, true, start, "the server lets this host in");
            step = "find the folder";
            start = System.nanoTime();
            List<NfsEntry> entries = entries(session, folder);
            if (entries != null
                    && entries.stream().anyMatch(entry -> entry.name().equals(TargetMarker.NAME))) {
                return new Result(true, probe.steps(), null);
            }
            probe.note(step, true, start, empty(location, session, folder, entries));
            step = "write";
            start = System.nanoTime();
            NfsFolder.tryOut(session, entries == null ? parent(folder) : folder, random);
            probe.note(step, true, start, "files can be created and linked");
            return new Result(false, probe.steps(), null);
        } catch (IOException e) {
            TargetException failure = NfsErrors.of(step, location, e);
            probe.note(step, false, start, String.valueOf(failure.getMessage()));
            return new Result(false, probe.steps(), failure);
        }
    }

    /** Null when there is no such folder yet, but one to make it in. */
    private static @Nullable List<NfsEntry> entries(NfsSession session, String folder) throws IOException {
        try {
            return session.call(client -> client.list(folder.isEmpty() ? "/" : folder));
        } catch (OsException e) {
            if (e.errno() != Errno.ENOENT || folder.isEmpty()) {
                throw e;
            }
            String parent = parent(folder);
            session.call(client -> client.list(parent.isEmpty() ? "/" : parent));
            return null;
        }
    }

    private static String parent(String folder) {
        return folder.substring(0, folder.lastIndexOf('/'));
    }

    private static String empty(
            NfsLocation location, NfsSession session, String folder, @Nullable List<NfsEntry> entries)
            throws IOException {
        String place = entries == null ? parent(folder) : folder;
        long free = session.call(client -> client.freeBytes(place.isEmpty() ? "/" : place));
        if (entries == null) {
            return location + " is not there yet and will be created, " + (free >> 30) + " GiB are free";
        }
        if (entries.stream()
                .anyMatch(entry ->
                        !entry.name().equals("lost+found") && !entry.name().equals(".tmp"))) {
            throw new TargetException(
                    Kind.DENIED,
                    "folder " + location + " is not empty and is no Tidemark target; take an empty folder");
        }
        return location + " is empty, " + (free >> 30) + " GiB are free";
    }
}
