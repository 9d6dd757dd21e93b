package org.tidemark.ploop.io.nfs;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.NoSuchFileException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.nfs.NfsConnections.Gate;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.OsException;
import org.tidemark.ploop.os.nfs.NfsAttributes;
import org.tidemark.ploop.os.nfs.NfsEntry;
import org.tidemark.ploop.os.nfs.NfsHandle;

/** The files in which locks are written down. */
final class LockRecords {
    static final String OWNER = NfsExport.OWN + "owner-";
    static final String READER = NfsExport.OWN + "reader-";
    private static final int FILE_MODE = 0644;

    private final NfsExport export;
    private final OwnerProcesses processes;

    LockRecords(NfsExport export, OwnerProcesses processes) {
        this.export = export;
        this.processes = processes;
    }

    /** One that is held, or was let go, by this process now. */
    LockRecord ofThisProcess(boolean held, String file, long series) throws IOException {
        return new LockRecord(held, processes.self(), export.settings().lease().toSeconds(), file, 0, series);
    }

    /** A name for a shared lock that is never used again. */
    String readerPath(String folder, FileId id) {
        return export.fresh(folder, READER + id.inFolder() + "-");
    }

    /** What lies beside a file. */
    record Beside(List<Long> owners, List<String> readers) {
        long highest() {
            return owners.isEmpty() ? 0 : owners.get(owners.size() - 1);
        }
    }

    /** The owners in ascending order. */
    Beside beside(String folder, FileId id) throws IOException {
        List<Long> owners = new ArrayList<>();
        List<String> readers = new ArrayList<>();
        String owner = OWNER + id.inFolder() + "-";
        String reader = READER + id.inFolder() + "-";
        List<NfsEntry> entries = export.connections()
                .call(Gate.OPEN, (link, again) -> link.client().list(folder));
        for (NfsEntry entry : entries) {
            String number = entry.name().startsWith(owner) ? entry.name().substring(owner.length()) : "";
            if (number.matches("[0-9a-f]{16}")) {
                owners.add(Long.parseLong(number, 16));
            } else if (entry.name().startsWith(reader)) {
                readers.add(NfsExport.join(folder, entry.name()));
            }
        }
        owners.sort(null);
        return new Beside(owners, readers);
    }

    static String ownerPath(String folder, FileId id, long number) {
        return NfsExport.join(
                folder, OWNER + id.inFolder() + "-" + HexFormat.of().toHexDigits(number));
    }

    /** A record that was read; {@code content} is empty when it makes no sense. */
    record Found(Optional<LockRecord> content, NfsAttributes attributes) {}

    /** Null when it is not there. */
    @Nullable
    Found read(String path) throws IOException {
        try {
            return export.connections().call(Gate.OPEN, (link, again) -> {
                NfsHandle handle = link.client().open(path);
                ByteBuffer content = ByteBuffer.allocateDirect(LockRecord.BYTES);
                link.client().read(handle, 0, content);
                return new Found(LockRecord.parse(content.flip()), link.client().attributes(handle));
            });
        } catch (OsException e) {
            IOException named = export.named(e, path);
            if (named instanceof NoSuchFileException || e.errno() == Errno.ESTALE) {
                return null;
            }
            throw named;
        }
    }

    /** Whether its lock counts. */
    boolean mayBeAlive(Found found) throws IOException {
        Optional<LockRecord> content = found.content();
        return content.isEmpty()
                || (content.get().held()
                        && !processes.certainlyDead(content.get().process()));
    }

    /** Says whose lock it is, and what to do about it. */
    ImageException inUse(String path, Found by, String folder) throws IOException {
        Optional<LockRecord> content = by.content();
        String who = content.isEmpty()
                ? "somebody whose lock record cannot be read"
                : called(content.get().process());
        String when = secondsAgo(by.attributes(), folder);
        return new ImageException(
                ImageException.Kind.IN_USE,
                export.name() + path + " is in use by " + who + ", which last said that it is alive " + when
                        + "; detach it there first. Only if that host is dead and will not come back as it was: break the"
                        + " lock with 'tidemark image break-lock'");
    }

    private String called(OwnerProcess process) throws IOException {
        OwnerProcess self = processes.self();
        String what = " (process " + process.pid() + ")";
        if (!process.hostId().equals(self.hostId())) {
            return "host " + process.hostId() + what;
        }
        return process.bootId().equals(self.bootId()) ? "this host" + what : "this host, before its last start" + what;
    }

    /** By the server's clock alone. */
    private String secondsAgo(NfsAttributes record, String folder) throws IOException {
        String probe = export.ownNames().fresh(folder, OwnNames.NEW);
        try {
            long now = export.connections().call(Gate.OPEN, (link, again) -> link.client()
                    .attributes(link.client().create(probe, FILE_MODE))
                    .modifiedNanos());
            return Math.max(0, (now - record.modifiedNanos()) / 1_000_000_000L) + " s ago";
        } catch (IOException e) {
            return "at a time that the server does not tell";
        } finally {
            export.removeOwn(probe);
        }
    }

    /** A record under a name that nobody else can have given at the same time; with its content or not at all. */
    NfsHandle make(String folder, String path, LockRecord content) throws IOException {
        String fresh = export.ownNames().fresh(folder, OwnNames.NEW);
        try {
            NfsHandle handle = export.connections().call(Gate.OPEN, (link, again) -> {
                NfsHandle created = link.client().create(fresh, FILE_MODE);
                link.client().write(created, 0, content.encoded(), true);
                return created;
            });
            export.linkOwn(fresh, path);
            return handle;
        } finally {
            export.removeOwn(fresh);
        }
    }
}
