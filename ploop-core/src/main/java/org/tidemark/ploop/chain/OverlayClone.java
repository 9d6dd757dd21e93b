package org.tidemark.ploop.chain;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import org.tidemark.ploop.format.qcow2.CreateOptions;
import org.tidemark.ploop.format.qcow2.Qcow2Format;
import org.tidemark.ploop.format.qcow2.Qcow2Header;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;

/**
 * Clones a qcow2 image: the template gets a second name beside the clone, and the clone is an empty image that stands on it.
 * A file with several names is never written (see {@link ChainLocks}); other programs do not know that rule.
 *
 * <pre>
 *   clone under another name, durable | second name of the template, durable | clone gets its name, durable
 *   crash before the last step: no clone; the second name is found and used by the next attempt
 * </pre>
 */
final class OverlayClone {
    private static final String PARTIAL = ".tidemark-partial";
    private static final String BASE = ".base";

    private OverlayClone() {}

    /** Whether an image is one that is cloned this way. */
    static boolean concerns(ChainFiles template) {
        return template.top().formatId().equals(Qcow2Format.ID);
    }

    /** Durable on return. */
    static ChainFiles make(ChainFiles template, Path destination) throws IOException {
        Path absolute = destination.toAbsolutePath().normalize();
        Path parent = absolute.getParent();
        if (Files.exists(absolute, LinkOption.NOFOLLOW_LINKS)) {
            throw new FileAlreadyExistsException(absolute + " exists already; choose another name for the clone");
        }
        ImageDirectory folder = new VfsImageDirectory(java.util.Objects.requireNonNull(parent));
        String name = String.valueOf(absolute.getFileName());
        ChainFiles.Link top = template.top();
        try (ChainLocks locks = ChainLocks.take(template, false);
                ImageIo io = top.directory().open(top.fileName(), OpenMode.READ_ONLY)) {
            Qcow2Header header = Qcow2Header.read(io);
            requireCloneable(io.name(), header);
            if (folder.exists(name + PARTIAL)) {
                folder.delete(name + PARTIAL);
            }
            try (ImageIo clone = folder.create(name + PARTIAL)) {
                Qcow2Format.create(
                        clone, header.geometry(), CreateOptions.USUAL.withBacking(name + BASE, Qcow2Format.ID));
            }
            if (!isTemplate(folder, name + BASE, top)) {
                top.directory().link(top.fileName(), folder, name + BASE);
            }
            folder.sync();
            folder.rename(name + PARTIAL, name);
            folder.sync();
        }
        return ChainFiles.at(absolute, VfsImageDirectory::new);
    }

    private static boolean isTemplate(ImageDirectory folder, String base, ChainFiles.Link top) throws IOException {
        if (!folder.exists(base)) {
            return false;
        }
        if (!Files.isSameFile(
                Path.of(folder.name()).resolve(base),
                Path.of(top.directory().name()).resolve(top.fileName()))) {
            throw new FileAlreadyExistsException(folder.name() + "/" + base
                    + " exists already and is another file; choose another name for the clone");
        }
        return true;
    }

    private static void requireCloneable(String name, Qcow2Header header) throws ImageException {
        if (header.dirty()) {
            throw new ImageException(
                    ImageException.Kind.NOT_CLOSED,
                    name + ": was not closed; attach and detach it, or run image check, before it is cloned");
        }
        if (!header.backingFile().isEmpty() || header.externalData()) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    name
                            + ": needs other files, which a second name of it would not find; make it one with image convert"
                            + " first");
        }
    }
}
