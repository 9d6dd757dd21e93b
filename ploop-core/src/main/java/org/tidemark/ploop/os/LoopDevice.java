package org.tidemark.ploop.os;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;

/**
 * A loop device of the kernel: a block device over a file. Offsets and sizes are bytes. All methods may be called by any
 * thread; the state is the kernel's.
 *
 * @param number N of {@code /dev/loopN}
 */
public record LoopDevice(int number) {
    private static final long CLEAR = 0x4C01;
    private static final long CAPACITY = 0x4C07;
    private static final long CONFIGURE = 0x4C0A;
    private static final long GET_FREE = 0x4C82;
    private static final int FLAG_READ_ONLY = 1;
    private static final int FLAG_DIRECT_IO = 16;
    private static final int CONFIG_BYTES = 304;
    private static final int INFO = 8;
    private static final int INFO_OFFSET = INFO + 24;
    private static final int INFO_SIZE_LIMIT = INFO + 32;
    private static final int INFO_FLAGS = INFO + 52;
    private static final int INFO_NAME = INFO + 56;
    private static final int NAME_BYTES = 64;
    private static final int RACES = 64;
    private static final long PAUSE_NANOS = 2_000_000;
    private static final long LOOK_FOR_USERS_NANOS = 50_000_000;

    /**
     * What the device shows of the file.
     *
     * @param offsetBytes where it begins; a multiple of 512
     * @param sizeLimitBytes how long it is; 0 for all that is left
     * @param blockBytes its logical block size, 512 or 4096
     */
    public record Shape(long offsetBytes, long sizeLimitBytes, int blockBytes, boolean readOnly) {}

    /**
     * Binds a free loop device to {@code file}, with direct I/O. Several processes may look for a free one at once: who
     * loses the race tries the next.
     */
    public static LoopDevice attach(NativeFile file, Shape shape) throws IOException {
        try (NativeFile control = NativeFile.open("/dev/loop-control", NativeFile.READ_WRITE, 0)) {
            for (int attempt = 0; attempt < RACES; attempt++) {
                LoopDevice device = new LoopDevice(control.ioctl("look for a free loop device", GET_FREE, 0));
                if (device.configure(file, shape)) {
                    return device;
                }
                LockSupport.parkNanos(PAUSE_NANOS);
            }
        }
        throw new OsException("looking for a free loop device", file.name(), Errno.EBUSY);
    }

    private boolean configure(NativeFile file, Shape shape) throws IOException {
        ByteBuffer config = ByteBuffer.allocateDirect(CONFIG_BYTES).order(ByteOrder.nativeOrder());
        config.putInt(0, file.fd());
        config.putInt(4, shape.blockBytes());
        config.putLong(INFO_OFFSET, shape.offsetBytes());
        config.putLong(INFO_SIZE_LIMIT, shape.sizeLimitBytes());
        config.putInt(INFO_FLAGS, FLAG_DIRECT_IO | (shape.readOnly() ? FLAG_READ_ONLY : 0));
        byte[] name = file.name().getBytes(StandardCharsets.UTF_8);
        config.put(INFO_NAME, name, 0, Math.min(name.length, NAME_BYTES - 1));
        try (NativeFile device = open(shape.readOnly() ? NativeFile.READ_ONLY : NativeFile.READ_WRITE)) {
            device.ioctl("bind " + file.name(), CONFIGURE, config);
            return true;
        } catch (OsException e) {
            if (e.errno() == Errno.EBUSY) {
                return false;
            }
            throw e;
        }
    }

    /** The devices bound to the file that the kernel calls {@code backingFile}. */
    public static List<LoopDevice> over(Path backingFile) throws IOException {
        List<LoopDevice> found = new ArrayList<>();
        for (LoopDevice device : bound()) {
            if (device.backingFile().equals(backingFile.toString())) {
                found.add(device);
            }
        }
        return found;
    }

    /** All devices that are bound to a file. */
    public static List<LoopDevice> bound() throws IOException {
        List<LoopDevice> found = new ArrayList<>();
        try (DirectoryStream<Path> blocks = Files.newDirectoryStream(Path.of("/sys/block"), "loop*")) {
            for (Path block : blocks) {
                String digits = block.getFileName().toString().substring("loop".length());
                if (Files.exists(block.resolve("loop/backing_file"))) {
                    found.add(new LoopDevice(Integer.parseInt(digits)));
                }
            }
        }
        return found;
    }

    /** {@code /dev/loopN}. */
    public Path path() {
        return Path.of("/dev/loop" + number);
    }

    /** {@code major:minor}. */
    public String deviceNumber() throws IOException {
        return attribute("dev");
    }

    /** Whether it is bound to a file now. */
    public boolean isBound() {
        return Files.exists(sys("loop/backing_file"));
    }

    /** The file's path as the kernel sees it; empty when it is not bound. */
    public String backingFile() {
        try {
            return attribute("loop/backing_file");
        } catch (IOException e) {
            return "";
        }
    }

    /** Whether requests reach the file without going through the page cache. */
    public boolean directIo() throws IOException {
        return "1".equals(attribute("loop/dio"));
    }

    public long sizeBytes() throws IOException {
        return Long.parseLong(attribute("size")) * 512;
    }

    /** Sets the size of the largest request. Only a hint for speed: a kernel that refuses is left alone. */
    public boolean limitRequests(int kibibytes) {
        try {
            Files.writeString(sys("queue/max_sectors_kb"), Integer.toString(kibibytes));
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    /** Tells the kernel that the file's size has changed. */
    public void reload() throws IOException {
        try (NativeFile device = open(NativeFile.READ_ONLY)) {
            device.ioctl("take over the new size", CAPACITY, 0);
        }
    }

    /**
     * Waits until no other process has the device open, and no other mount namespace has it mounted: each new one, as of a
     * container that starts, begins with a copy of all mounts, which an unmount here does not reach on a host whose mounts
     * are private. {@link #detach} alone would find out too late: told to unbind a device that is open, the kernel does so
     * when its last user closes it, and nothing takes that back without waiting for every request under way. Where this
     * process has it mounted itself it does not wait.
     */
    public void awaitUnused(Duration limit) throws IOException {
        long end = System.nanoTime() + limit.toNanos();
        for (Optional<String> user = user(); user.isPresent(); user = user()) {
            if (System.nanoTime() - end > 0) {
                throw new OsException("unbind: " + user.get(), path().toString(), Errno.EBUSY);
            }
            LockSupport.parkNanos(LOOK_FOR_USERS_NANOS);
        }
    }

    /** Another process that uses it, and how, as words. */
    private Optional<String> user() throws IOException {
        if (mountPoint(Path.of("/proc/self")).isPresent()) {
            return Optional.empty();
        }
        OptionalLong open = Processes.anotherWithOpen(path());
        if (open.isPresent()) {
            return Optional.of("process " + Processes.called(open.getAsLong()) + " keeps it open");
        }
        Set<Path> namespaces = new HashSet<>();
        namespace(Path.of("/proc/self")).ifPresent(namespaces::add);
        try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (Path process : processes) {
                // All processes of a namespace have the same mounts.
                Optional<String> mounted =
                        namespace(process).filter(namespaces::add).isPresent() ? mountPoint(process) : Optional.empty();
                if (mounted.isPresent()) {
                    long pid = Long.parseLong(String.valueOf(process.getFileName()));
                    return Optional.of(
                            "process " + Processes.called(pid) + " has it mounted in its mount namespace, at "
                                    + mounted.get() + "; end that process, or unmount it there with 'nsenter -t " + pid
                                    + " -m umount " + mounted.get() + "'");
                }
            }
        }
        return Optional.empty();
    }

    private static Optional<Path> namespace(Path process) {
        try {
            return Optional.of(Files.readSymbolicLink(process.resolve("ns/mnt")));
        } catch (IOException e) {
            // The process has ended meanwhile.
            return Optional.empty();
        }
    }

    /** Where a process has it mounted. */
    private Optional<String> mountPoint(Path process) throws IOException {
        String number = deviceNumber();
        List<MountEntry> table;
        try {
            table = MountEntry.parseAll(Files.readString(process.resolve("mountinfo"), StandardCharsets.ISO_8859_1));
        } catch (IOException e) {
            // The process has ended meanwhile.
            return Optional.empty();
        }
        return table.stream()
                .filter(entry -> entry.isOf(number, path()))
                .map(entry -> entry.mountPoint().toString())
                .findFirst();
    }

    /**
     * Unbinds the device from its file and waits until the kernel has done so. EBUSY when it is mounted or otherwise
     * claimed (in any mount namespace): then nothing has changed. ETIMEDOUT when some program keeps it open: then the
     * kernel unbinds it when that program closes it.
     */
    public void detach(Duration limit) throws IOException {
        long end = System.nanoTime() + limit.toNanos();
        try (NativeFile device = open(NativeFile.READ_ONLY | NativeFile.EXCLUSIVE)) {
            device.ioctl("unbind", CLEAR, 0);
        } catch (OsException e) {
            if (e.errno() != Errno.ENXIO) {
                throw e;
            }
        }
        while (isBound()) {
            if (System.nanoTime() - end > 0) {
                throw new OsException("unbind: another program keeps it open", path().toString(), Errno.ETIMEDOUT);
            }
            LockSupport.parkNanos(PAUSE_NANOS);
        }
    }

    /**
     * Unbinds it from its file now, or when its last user (a mounted file system, an open program) lets go of it. Waits for
     * nobody.
     */
    public void letGo() throws IOException {
        try (NativeFile device = open(NativeFile.READ_ONLY)) {
            device.ioctl("unbind", CLEAR, 0);
        } catch (OsException e) {
            if (e.errno() != Errno.ENXIO) {
                throw e;
            }
        }
    }

    private NativeFile open(int flags) throws IOException {
        return NativeFile.open(path(), flags, 0);
    }

    private Path sys(String name) {
        return Path.of("/sys/block/loop" + number, name);
    }

    private String attribute(String name) throws IOException {
        return Files.readString(sys(name)).trim();
    }
}
