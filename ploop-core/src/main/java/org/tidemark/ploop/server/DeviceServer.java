package org.tidemark.ploop.server;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.LockSupport;
import org.tidemark.ploop.os.NativeFile;
import org.tidemark.ploop.os.NativeReserve;
import org.tidemark.ploop.os.Processes;
import sun.misc.Signal;

/**
 * The device server process: connects to the holder, takes over what a predecessor left, listens at the control socket. Ends
 * only when it is asked to and nothing is attached.
 */
public final class DeviceServer {
    /** As much as a compiler thread of the virtual machine takes for a large method. */
    private static final long NATIVE_RESERVE_BYTES = 12L << 20;

    private static final Duration DETACH_LIMIT = Duration.ofSeconds(10);
    /** After so long without a device the server of one image ends. */
    private static final Duration UNUSED_LIMIT = Duration.ofSeconds(10);

    private static final long LOOK_EVERY_NANOS = 500_000_000;

    private final RunFolder run;
    private final ServerModule module;
    private final int highestProtocol;
    private final HolderLink link;
    private final OwnServers ownServers;
    private final ServedDevices devices;
    private final ControlCommands commands = new ControlCommands();
    private final CountDownLatch stopped = new CountDownLatch(1);
    private volatile boolean ioFlusher;
    private volatile boolean memoryLocked;
    private final Logger log = System.getLogger(DeviceServer.class.getName());

    private DeviceServer(RunFolder run, ServerCommand command, ServerModule module, int highestProtocol) {
        this.run = run;
        this.module = module;
        this.highestProtocol = highestProtocol;
        this.link = new HolderLink(run, command);
        this.ownServers = new OwnServers(run, command);
        this.devices = new ServedDevices(run, module.opener(), link);
        registerOwn();
        module.register(commands, devices);
    }

    /** The body of a main method: {@code --run=FOLDER --server-main=CLASS}. Returns when the server has ended. */
    public static void run(String[] arguments, ServerModule module) throws IOException {
        run(arguments, module, ControlClient.HIGHEST_PROTOCOL);
    }

    /** The same, of a server that speaks no newer protocol than {@code highestProtocol}. */
    static void run(String[] arguments, ServerModule module, int highestProtocol) throws IOException {
        if (List.of(arguments).contains(ServerCommand.PROBE)) {
            System.out.println(abilities(highestProtocol).toJson());
            return;
        }
        RunFolder run = RunFolder.at(Path.of(ServerCommand.argument(arguments, "run", "/run/tidemark")));
        BoundedLog.install(run, "device-server");
        Processes.leaveTerminal();
        String main = ServerCommand.argument(arguments, "server-main", DeviceServerMain.class.getName());
        try (NativeFile lock = NativeFile.open(run.serverLock(), NativeFile.READ_WRITE | NativeFile.CREATE, 0600)) {
            if (!lock.tryLock(true)) {
                System.getLogger(DeviceServer.class.getName()).log(Level.INFO, "another device server is there");
                return;
            }
            new DeviceServer(run, ServerCommand.ofThisJava(main), module, highestProtocol).serve();
        }
        Runtime.getRuntime().halt(0);
    }

    private void serve() throws IOException {
        // Before the first thread of a device: they inherit it.
        ioFlusher = Processes.declareIoFlusher();
        NativeReserve.take(NATIVE_RESERVE_BYTES);
        memoryLocked = Processes.keepInMemory();
        long generation = ServerRecord.read(run).map(ServerRecord::generation).orElse(0L) + 1;
        ServerRecord own = new ServerRecord(Processes.self(), generation);
        own.write(run);
        link.start();
        devices.takeOverAll();
        if (run.onlyImage().isPresent()) {
            endWhenUnused();
        } else {
            ownServers.watch();
        }
        Signal.handle(new Signal("TERM"), signal -> new Thread(this::stopOrRefuse, "sigterm").start());
        Fields greeting = Fields.of("pid", own.process().pid(), "generation", generation);
        try (ControlServer control = ControlServer.start(run.controlSocket(), commands, greeting, highestProtocol)) {
            long age = System.currentTimeMillis()
                    - ProcessHandle.current()
                            .info()
                            .startInstant()
                            .map(java.time.Instant::toEpochMilli)
                            .orElse(0L);
            log.log(Level.INFO, () -> "device server, generation " + generation + ", ready after " + age + " ms");
            stopped.await();
            log.log(Level.INFO, () -> "ends: " + control);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void endWhenUnused() {
        Thread thread = new Thread(this::watchUse, "unused");
        thread.setDaemon(true);
        thread.start();
    }

    private void watchUse() {
        long used = System.nanoTime();
        while (true) {
            LockSupport.parkNanos(LOOK_EVERY_NANOS);
            if (!devices.all().isEmpty()) {
                used = System.nanoTime();
            } else if (System.nanoTime() - used > UNUSED_LIMIT.toNanos()) {
                log.log(Level.INFO, "nothing is attached any more");
                stopOrRefuse();
                used = System.nanoTime();
            }
        }
    }

    private void stopOrRefuse() {
        try {
            stop();
            stopped.countDown();
        } catch (IOException e) {
            log.log(Level.WARNING, "SIGTERM refused: " + e.getMessage());
        }
    }

    private void stop() throws IOException {
        // Nobody would start them again, and no command would find what they have.
        List<RunFolder> own = run.ownWithDevices();
        if (!own.isEmpty()) {
            throw new ControlException(
                    ControlException.Kind.BUSY,
                    own.size() + " image(s) on NFS attached at device servers of their own; detach them first");
        }
        if (!devices.closeIfEmpty()) {
            throw new ControlException(
                    ControlException.Kind.BUSY, devices.all().size() + " device(s) attached; detach them first");
        }
        if (!link.leave()) {
            devices.reopen();
            throw new ControlException(ControlException.Kind.BUSY, "the holder still keeps descriptors");
        }
    }

    private void registerOwn() {
        ownServers.register(commands);
        commands.add("status", (arguments, session) -> status());
        commands.add("devices", (arguments, session) -> Fields.of("devices", describeAll()));
        commands.add("attach", (arguments, session) -> {
            AttachRequest request = AttachRequest.of(arguments);
            DeviceSettings.of(request.options());
            ServedDevice device = devices.attach(request);
            if (arguments.flag("whileConnected")) {
                session.own(() -> devices.detachIfServed(device, DETACH_LIMIT));
            }
            return device.describe();
        });
        commands.add("device.set", (arguments, session) -> devices.find(arguments.text("device"))
                .set(arguments));
        commands.add("device.abort", (arguments, session) -> {
            Duration limit = Duration.ofMillis(arguments.number("limitMillis", DETACH_LIMIT.toMillis()));
            return Fields.of("imageClosed", devices.abort(arguments.text("device"), limit));
        });
        commands.add("detach", (arguments, session) -> {
            Duration limit = Duration.ofMillis(arguments.number("limitMillis", DETACH_LIMIT.toMillis()));
            devices.detach(arguments.text("device"), limit);
            return Fields.NONE;
        });
        commands.add("shutdown", (arguments, session) -> {
            stop();
            session.own(stopped::countDown);
            return Fields.of("stopping", true);
        });
        commands.add("restart", (arguments, session) -> {
            // The successor takes over exactly as it would after a crash: that path is the one that is always tested.
            session.own(() -> Runtime.getRuntime().halt(0));
            return Fields.of("restarting", true);
        });
    }

    private List<Map<String, Object>> describeAll() throws ControlException {
        List<Map<String, Object>> described = new java.util.ArrayList<>();
        for (ServedDevice one : devices.all()) {
            described.add(one.describe().values());
        }
        return described;
    }

    /** What a process that is to take over must be able to read, and the protocols it speaks. */
    private static Fields abilities(int highestProtocol) throws IOException {
        // The native library must load there, too.
        Processes.self();
        return Fields.of(
                "lowestProtocol", ControlClient.LOWEST_PROTOCOL,
                "highestProtocol", highestProtocol,
                "stateVersion", AttachmentRecord.VERSION);
    }

    private Fields status() throws IOException {
        Optional<ServerRecord> record = ServerRecord.read(run);
        Runtime runtime = Runtime.getRuntime();
        return Fields.of(
                "pid", ProcessHandle.current().pid(),
                "generation", record.map(ServerRecord::generation).orElse(0L),
                "devices", devices.all().size(),
                "holderConnected", link.connected(),
                "stateVersion", AttachmentRecord.VERSION,
                "underWay", module.activities(),
                "memoryLocked", memoryLocked,
                "ioFlusher", ioFlusher,
                "heapBytes", runtime.totalMemory() - runtime.freeMemory());
    }
}
