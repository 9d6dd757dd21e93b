package org.tidemark.appliance.service;

import java.io.IOException;
import java.util.List;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.format.qcow2.Bitmap;
import org.tidemark.ploop.format.qcow2.Qcow2Format;
import org.tidemark.ploop.format.qcow2.Qcow2Header;
import org.tidemark.ploop.format.qcow2.Snapshot;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageIo;

/** What the top of a chain has inside its file when it is a qcow2 image; nothing for other formats. */
public final class Qcow2Facts {
    private Qcow2Facts() {}

    /** The names of internal snapshots, in the order of their table. */
    public static List<String> snapshots(ChainFiles files) throws IOException {
        if (!files.top().formatId().equals(Qcow2Format.ID)) {
            return List.of();
        }
        try (ImageIo io = files.top().directory().open(files.top().fileName(), OpenMode.READ_ONLY)) {
            return Snapshot.list(io, Qcow2Header.read(io)).stream()
                    .map(one -> one.name().isEmpty() ? one.id() : one.name())
                    .toList();
        }
    }

    /** The names of persistent bitmaps; those that nobody stored after the last change say so. */
    public static List<String> bitmaps(ChainFiles files) throws IOException {
        if (!files.top().formatId().equals(Qcow2Format.ID)) {
            return List.of();
        }
        try (ImageIo io = files.top().directory().open(files.top().fileName(), OpenMode.READ_ONLY)) {
            return Bitmap.list(io, Qcow2Header.read(io)).stream()
                    .map(one -> one.name() + (one.inUse() ? " (inconsistent)" : ""))
                    .toList();
        }
    }
}
