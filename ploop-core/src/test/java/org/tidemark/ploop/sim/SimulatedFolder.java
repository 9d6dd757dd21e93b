package org.tidemark.ploop.sim;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * A folder on a {@link SimulatedDisk}. What lies in it is known to the disk as {@code #number/name}, by the number of the
 * folder and not by its name: so it follows when the folder gets another name, and an object of this class goes on meaning the
 * same folder, unlike a path.
 */
final class SimulatedFolder implements ImageDirectory {
    private static final Pattern PREFIX = Pattern.compile("#([0-9]+)/");

    private final SimulatedDisk disk;
    private final int id;
    private final String name;

    SimulatedFolder(SimulatedDisk disk, int id, String name) {
        this.disk = disk;
        this.id = id;
        this.name = name;
    }

    /** What comes before the name in a key: empty for the disk itself. */
    static String prefixOf(String key) {
        Matcher matcher = PREFIX.matcher(key);
        return matcher.lookingAt() ? matcher.group() : "";
    }

    static Predicate<String> within(int folderId) {
        return key -> prefixOf(key).equals("#" + folderId + "/");
    }

    /** A folder whose name did not survive takes what lies in it along. */
    static void dropUnreachable(Map<String, Integer> survivors) {
        survivors.keySet().removeIf(key -> {
            Matcher matcher = PREFIX.matcher(key);
            return matcher.lookingAt() && !survivors.containsValue(Integer.valueOf(matcher.group(1)));
        });
    }

    static String keyOn(SimulatedDisk disk, ImageDirectory folder, String newName) throws ImageException {
        if (folder == disk) {
            return newName;
        }
        if (folder instanceof SimulatedFolder other && other.disk == disk) {
            return other.key(newName);
        }
        throw new ImageException(ImageException.Kind.UNSUPPORTED, folder.name() + " lies elsewhere");
    }

    static void requireName(String name) {
        if (name.isEmpty()
                || name.indexOf('/') >= 0
                || name.indexOf('\0') >= 0
                || name.equals(".")
                || name.equals("..")) {
            throw new IllegalArgumentException("not the name of a file: '" + name + "'");
        }
    }

    private String prefix() {
        return "#" + id + "/";
    }

    private String key(String file) {
        requireName(file);
        return prefix() + file;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public ImageIo open(String file, OpenMode mode) throws IOException {
        return disk.open(key(file), mode);
    }

    @Override
    public ImageIo create(String file) throws IOException {
        return disk.create(key(file));
    }

    @Override
    public boolean exists(String file) {
        return disk.exists(key(file));
    }

    @Override
    public void rename(String from, String to) throws IOException {
        disk.rename(key(from), key(to));
    }

    @Override
    public void delete(String file) throws IOException {
        disk.delete(key(file));
    }

    @Override
    public String fingerprint(String file) throws IOException {
        return disk.fingerprint(key(file));
    }

    @Override
    public String identity(String file) throws IOException {
        return disk.identity(key(file));
    }

    @Override
    public long freeBytes() {
        return disk.freeBytes();
    }

    @Override
    public int names(String file) throws IOException {
        return disk.names(key(file));
    }

    @Override
    public void link(String file, ImageDirectory folder, String newName) throws IOException {
        disk.linkTo(key(file), keyOn(disk, folder, newName));
    }

    @Override
    public List<String> list() {
        return disk.list(prefix());
    }

    @Override
    public ImageLock lock(String file, boolean exclusive) throws IOException {
        return disk.lock(key(file), exclusive);
    }

    @Override
    public void sync() throws IOException {
        disk.sync(name, prefix());
    }

    @Override
    public ImageDirectory createFolder(String folder) throws IOException {
        throw new ImageException(ImageException.Kind.UNSUPPORTED, name + ": one level of folders is all there is");
    }

    @Override
    public ImageDirectory folder(String folder) throws IOException {
        throw new java.nio.file.NoSuchFileException(folder);
    }

    @Override
    public boolean hasFolder(String folder) {
        return false;
    }

    @Override
    public void deleteFolder(String folder) throws IOException {
        throw new java.nio.file.NoSuchFileException(folder);
    }

    @Override
    public void exchange(String file, String folder) throws IOException {
        throw new java.nio.file.NoSuchFileException(folder);
    }

    @Override
    public Optional<Entry> entry() {
        return disk.entryOf(id);
    }
}
