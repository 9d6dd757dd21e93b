package org.tidemark.ploop.server;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import org.tidemark.ploop.os.NativeFile;
import org.tidemark.ploop.os.Processes;
import org.tidemark.ploop.os.UnixSocket;
import sun.misc.Signal;

/**
 * The holder process. {@code --run=FOLDER --server-main=CLASS}. Ends when the device server has ended by request. SIGTERM
 * is passed on to the device server, which refuses while anything is attached.
 */
public final class HolderMain {
    private HolderMain() {}

    public static void main(String[] arguments) throws IOException {
        RunFolder run = RunFolder.at(Path.of(ServerCommand.argument(arguments, "run", "/run/tidemark")));
        BoundedLog.install(run, "holder");
        Logger log = System.getLogger(HolderMain.class.getName());
        Processes.leaveTerminal();
        try (NativeFile lock = NativeFile.open(run.holderLock(), NativeFile.READ_WRITE | NativeFile.CREATE, 0600)) {
            if (!lock.tryLock(true)) {
                log.log(Level.INFO, "another holder is there already");
                return;
            }
            String serverMain = ServerCommand.argument(arguments, "server-main", DeviceServerMain.class.getName());
            ServerCommand command = ServerCommand.ofThisJava(serverMain);
            ServerCommand.forget(run);
            Holder holder = new Holder(UnixSocket.listen(run.holderSocket()));
            Signal.handle(new Signal("TERM"), signal -> passOn(run, log));
            holder.start();
            log.log(Level.INFO, "holder started");
            new Supervisor(run, command, holder).superviseUntilLeft();
            log.log(Level.INFO, "the device server has left; the holder ends too");
            Runtime.getRuntime().halt(0);
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
