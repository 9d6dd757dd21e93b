package org.tidemark.ploop.server;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.util.List;
import org.tidemark.ploop.os.NativeFile;
import org.tidemark.ploop.os.Processes;
import org.tidemark.ploop.os.ServiceManager;
import org.tidemark.ploop.os.UnixSocket;
import sun.misc.Signal;

/**
 * The holder process. {@code --run=FOLDER --server-main=CLASS}. Ends when the device server has ended by request. SIGTERM
 * is passed on to the device server, which refuses while anything is attached. Started by a service manager, it lets that keep
 * duplicates of everything, and takes them back when it starts again.
 */
public final class HolderMain {
    private HolderMain() {}

    public static void main(String[] arguments) throws IOException {
        RunFolder run = RunFolder.at(Path.of(ServerCommand.argument(arguments, "run", "/run/tidemark")));
        BoundedLog.install(run, "holder");
        Logger log = System.getLogger(HolderMain.class.getName());
        Processes.leaveTerminal();
        ManagedService service = ManagedService.of(System.getenv());
        try (NativeFile lock = NativeFile.open(run.holderLock(), NativeFile.READ_WRITE | NativeFile.CREATE, 0600)) {
            service.standBy(lock);
            if (!lock.tryLock(true)) {
                log.log(Level.INFO, "another holder is there already");
                return;
            }
            String serverMain = ServerCommand.argument(arguments, "server-main", DeviceServerMain.class.getName());
            ServerCommand command = ServerCommand.ofThisJava(serverMain);
            ServerCommand.forget(run);
            service.mark(run);
            UnixSocket listener = UnixSocket.listen(run.holderSocket());
            Holder holder = service.manager().isEmpty()
                    ? new Holder(listener)
                    : new Holder(listener, service.manager().get(), ServiceManager.handedOver(System.getenv()));
            Signal.handle(new Signal("TERM"), signal -> passOn(run, log));
            holder.start();
            log.log(
                    Level.INFO,
                    () -> "holder started with the descriptors of "
                            + holder.kept().devices());
            service.watch(() -> answers(run));
            new Supervisor(run, command, holder, service).superviseUntilLeft();
            log.log(Level.INFO, "the device server has left; the holder ends too");
            ManagedService.unmark(run);
            Runtime.getRuntime().halt(0);
        }
    }

    /** As a client sees it. */
    private static void answers(RunFolder run) throws IOException {
        try (UnixSocket socket = UnixSocket.connect(run.holderSocket(), HolderMessages.LIMIT)) {
            HolderMessages.ask(socket, Fields.of(HolderMessages.VERB, HolderMessages.HELLO), List.of());
        }
    }

    private static void passOn(RunFolder run, Logger log) {
        try {
            ServerRecord.read(run).ifPresent(record -> record.process().signal(Processes.TERMINATE));
        } catch (IOException e) {
            log.log(Level.WARNING, "passing SIGTERM on to the device server", e);
        }
    }
}
