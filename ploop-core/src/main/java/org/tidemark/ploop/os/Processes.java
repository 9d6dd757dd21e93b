package org.tidemark.ploop.os;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.OptionalLong;

/**
 * Other processes of this machine. A process is named by its number and its start time, because numbers are used again; a
 * {@link Handle} is a pidfd, which can never mean another process.
 */
public final class Processes {
    /** SIGKILL. */
    public static final int KILL = 9;
    /** SIGTERM. */
    public static final int TERMINATE = 15;
    /** SIGCONT. */
    public static final int CONTINUE = 18;
    /** SIGSTOP. */
    public static final int STOP = 19;

    /** May lock memory without limit. */
    public static final int CAP_IPC_LOCK = 14;
    /** May declare itself an I/O flusher, among others. */
    public static final int CAP_SYS_RESOURCE = 24;

    private static final int LOCK_CURRENT = 1;
    private static final int LOCK_FUTURE = 2;
    private static final int LOCK_ON_FAULT = 4;
    private static final int SET_IO_FLUSHER = 57;
    private static final int SIGHUP = 1;
    private static final int SIGINT = 2;
    private static final int SIGQUIT = 3;
    private static final long IGNORE = 1;
    private static final int PRCTL = "aarch64".equals(System.getProperty("os.arch")) ? 167 : 157;
    private static final int PIDFD_OPEN = 434;
    private static final int PIDFD_GETFD = 438;
    private static final int START_TIME_FIELD_AFTER_NAME = 19;

    private Processes() {}

    /** A process, unmistakably. {@code startTicks} is the start time since boot in clock ticks. */
    public record Id(long pid, long startTicks) {
        /** Whether this very process still runs; one that has ended but was not waited for does not. */
        public boolean alive() {
            try {
                String[] fields = statFields(pid);
                return Long.parseLong(fields[START_TIME_FIELD_AFTER_NAME]) == startTicks
                        && !"Z".equals(fields[0])
                        && !"X".equals(fields[0]);
            } catch (IOException e) {
                return false;
            }
        }

        /**
         * Whether this very process has ended for certain: there is none of its number, or another one, or it was not waited
         * for. What cannot be read is no answer; {@link #alive} gives up on it, this does not.
         */
        public boolean certainlyEnded() {
            String[] fields;
            try {
                fields = statFields(pid);
            } catch (IOException e) {
                return LibC.C.kill((int) pid, 0) != 0 && LibC.errno() == Errno.ESRCH;
            }
            return Long.parseLong(fields[START_TIME_FIELD_AFTER_NAME]) != startTicks
                    || "Z".equals(fields[0])
                    || "X".equals(fields[0]);
        }

        /** Sends a signal if the process still is this one. Returns whether it was sent. */
        public boolean signal(int number) {
            return alive() && LibC.C.kill((int) pid, number) == 0;
        }

        /** A handle on the process; fails with ESRCH (3) when it has ended. */
        public Handle open() throws IOException {
            int fd = (int) LibC.C.syscall(PIDFD_OPEN, pid, 0, 0, 0, 0, 0);
            if (fd < 0) {
                throw new OsException("pidfd_open", "process " + pid, LibC.errno());
            }
            Handle handle = new Handle(NativeFile.adopt(fd, "process " + pid));
            if (!alive()) {
                handle.close();
                throw new OsException("pidfd_open", "process " + pid, 3);
            }
            return handle;
        }
    }

    /** A process in words: its number, and the name of its program when it still runs. */
    public static String called(long pid) {
        try {
            return pid + " ("
                    + Files.readString(Path.of("/proc/" + pid + "/comm")).strip() + ")";
        } catch (IOException e) {
            return String.valueOf(pid);
        }
    }

    /**
     * Another process than this one that has {@code file} open, if any. Links are only read: to look behind one might ask a
     * file system that does not answer.
     */
    public static OptionalLong anotherWithOpen(Path file) throws IOException {
        long own = ProcessHandle.current().pid();
        try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (Path process : processes) {
                long pid = Long.parseLong(process.getFileName().toString());
                if (pid != own && hasOpen(process, file)) {
                    return OptionalLong.of(pid);
                }
            }
        }
        return OptionalLong.empty();
    }

    private static boolean hasOpen(Path process, Path wanted) {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(process.resolve("fd"))) {
            for (Path file : files) {
                if (leadsTo(file, wanted)) {
                    return true;
                }
            }
        } catch (IOException | DirectoryIteratorException e) {
            // The process has ended meanwhile.
            return false;
        }
        return false;
    }

    private static boolean leadsTo(Path link, Path wanted) {
        try {
            return Files.readSymbolicLink(link).equals(wanted);
        } catch (IOException e) {
            // The file was closed meanwhile.
            return false;
        }
    }

    /** An open pidfd. */
    public static final class Handle implements java.io.Closeable {
        private final NativeFile file;

        private Handle(NativeFile file) {
            this.file = file;
        }

        /** Waits until the process and all its threads have ended; false when the limit came first. */
        public boolean awaitEnd(Duration limit) throws IOException {
            return Poll.await(file.fd(), Poll.READABLE, file.name(), limit) != 0;
        }

        /** A duplicate of descriptor {@code number} of that process (pidfd_getfd; needs the right to trace it). */
        public NativeFile duplicate(int number) throws IOException {
            int fd = (int) LibC.C.syscall(PIDFD_GETFD, file.fd(), number, 0, 0, 0, 0);
            if (fd < 0) {
                throw new OsException("pidfd_getfd of descriptor " + number, file.name(), LibC.errno());
            }
            return NativeFile.adopt(fd, "descriptor " + number + " of " + file.name());
        }

        @Override
        public void close() throws IOException {
            file.close();
        }
    }

    /** This process. */
    public static Id self() throws IOException {
        return byPid(ProcessHandle.current().pid());
    }

    /** The process that has the number now. */
    public static Id byPid(long pid) throws IOException {
        return new Id(pid, Long.parseLong(statFields(pid)[START_TIME_FIELD_AFTER_NAME]));
    }

    /** The fields of /proc/PID/stat from the state on (the name before it may hold anything). */
    private static String[] statFields(long pid) throws IOException {
        String stat = Files.readString(
                Path.of("/proc", Long.toString(pid), "stat"), java.nio.charset.StandardCharsets.ISO_8859_1);
        return stat.substring(stat.lastIndexOf(')') + 2).trim().split(" ", -1);
    }

    /**
     * Leaves the terminal: a session of its own, and hang-up, interrupt and quit are ignored. A process that leads a
     * process group cannot leave its session; then only the signals change.
     */
    public static void leaveTerminal() {
        int ignored = LibC.C.setsid();
        LibC.C.signal(SIGHUP, IGNORE);
        LibC.C.signal(SIGINT, IGNORE);
        LibC.C.signal(SIGQUIT, IGNORE);
        assert ignored != 0;
    }

    /** Whether this process has the capability with this number (of linux/capability.h). */
    public static boolean hasCapability(int number) throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("CapEff:")) {
                long effective = Long.parseUnsignedLong(
                        line.substring(line.indexOf(':') + 1).strip(), 16);
                return (effective >>> number & 1) == 1;
            }
        }
        return false;
    }

    /**
     * Keeps every page of this process in memory from the moment it is first used, also of what it maps later. False where
     * the system does not allow it; nothing has changed then. Without {@link #CAP_IPC_LOCK} it is not even tried: later
     * allocations would fail at the limit.
     */
    public static boolean keepInMemory() throws IOException {
        return hasCapability(CAP_IPC_LOCK) && LibC.C.mlockall(LOCK_CURRENT | LOCK_FUTURE | LOCK_ON_FAULT) == 0;
    }

    /**
     * Tells the kernel that this thread, and those that it starts from now on, serve I/O: when the kernel needs memory for
     * them it does not wait for I/O, which might be their own. False without {@link #CAP_SYS_RESOURCE}.
     */
    public static boolean declareIoFlusher() {
        return LibC.C.syscall(PRCTL, SET_IO_FLUSHER, 1, 0, 0, 0, 0) == 0;
    }

    /** Keeps the range in memory; false when the system does not allow it. */
    public static boolean lockMemory(long address, long lengthBytes) {
        return LibC.C.mlock(address, lengthBytes) == 0;
    }
}
