package org.tidemark.backup.target.local;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.tidemark.backup.target.ProbeStep;
import org.tidemark.backup.target.TargetException;
import org.tidemark.backup.target.TargetException.Kind;
import org.tidemark.backup.target.TargetProbe;

/** Tries whether a folder can become a target, and leaves it as it was. */
public final class NewFolder {
    private NewFolder() {}

    /**
     * What was tried.
     *
     * @param failure what the last step ended with; null when all went well
     */
    public record Result(List<ProbeStep> steps, @Nullable TargetException failure) {}

    /** Whether the folder is a target already, so that it is to be opened. */
    public static boolean isTarget(Path folder) {
        return Files.exists(folder.resolve(RootIdentity.MARKER));
    }

    /** Never throws for what is wrong with the folder. */
    public static Result probe(Path folder, LongSupplier nanoTime) {
        TargetProbe probe = new TargetProbe(nanoTime);
        String step = "find the folder";
        long start = nanoTime.getAsLong();
        try {
            Path place = Files.isDirectory(folder) ? folder : parent(folder);
            boolean there = place.equals(folder);
            probe.note(step, true, start, there ? empty(folder) : folder + " is not there yet and will be created");
            step = "write";
            start = nanoTime.getAsLong();
            write(place);
            probe.note(step, true, start, "files can be created and linked");
        } catch (TargetException e) {
            probe.note(step, false, start, String.valueOf(e.getMessage()));
            return new Result(probe.steps(), e);
        }
        return new Result(probe.steps(), null);
    }

    private static String empty(Path folder) throws TargetException {
        LocalTarget.demandEmpty(folder);
        try {
            return folder + " is empty, " + (Files.getFileStore(folder).getUsableSpace() >> 30) + " GiB are free";
        } catch (IOException e) {
            throw FileErrors.of("look at folder " + folder, e);
        }
    }

    private static Path parent(Path folder) throws TargetException {
        Path parent = folder.toAbsolutePath().getParent();
        if (Files.exists(folder) || parent == null || !Files.isDirectory(parent)) {
            String what = Files.exists(folder) ? folder + " is no folder" : "there is no folder " + folder;
            throw new TargetException(
                    Kind.UNREACHABLE, what + "; mount the disk, create the folder, or take another one");
        }
        return parent;
    }

    private static void write(Path folder) throws TargetException {
        Path file = null;
        Path link = null;
        try {
            file = Files.createTempFile(folder, ".tidemark-", ".test");
            link = Files.createLink(file.resolveSibling(file.getFileName() + "2"), file);
        } catch (UnsupportedOperationException e) {
            throw LocalTarget.noLinks(folder, e);
        } catch (IOException e) {
            throw FileErrors.of("write to folder " + folder, e);
        } finally {
            remove(link);
            remove(file);
        }
    }

    private static void remove(@Nullable Path file) throws TargetException {
        try {
            if (file != null) {
                Files.deleteIfExists(file);
            }
        } catch (IOException e) {
            throw FileErrors.of("remove " + file, e);
        }
    }
}
