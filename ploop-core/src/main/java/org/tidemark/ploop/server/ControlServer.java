package org.tidemark.ploop.server;

import java.io.Closeable;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.concurrent.Semaphore;

/** Listens at a Unix socket and runs commands. One thread for each connection, at most {@link #MAX_CONNECTIONS}. */
final class ControlServer implements Closeable {
    static final int MAX_CONNECTIONS = 64;

    private static final Logger LOG = System.getLogger(ControlServer.class.getName());
    private static final Duration WRITE_LIMIT = Duration.ofSeconds(10);

    private final ServerSocketChannel listener;
    private final ControlCommands commands;
    private final Fields greeting;
    private final int highestProtocol;
    private final Semaphore places = new Semaphore(MAX_CONNECTIONS);

    private ControlServer(
            ServerSocketChannel listener, ControlCommands commands, Fields greeting, int highestProtocol) {
        this.highestProtocol = highestProtocol;
        this.listener = listener;
        this.commands = commands;
        this.greeting = greeting;
    }

    /** Listens at {@code socket}, in place of whoever did before. {@code greeting} goes into each answer to hello. */
    static ControlServer start(Path socket, ControlCommands commands, Fields greeting, int highestProtocol)
            throws IOException {
        Path fresh = socket.resolveSibling(socket.getFileName() + ".new");
        Files.deleteIfExists(fresh);
        ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        listener.bind(UnixDomainSocketAddress.of(fresh), MAX_CONNECTIONS);
        Files.setPosixFilePermissions(fresh, PosixFilePermissions.fromString("rw-------"));
        Files.move(
                fresh,
                socket,
                java.nio.file.StandardCopyOption.ATOMIC_MOVE,
                java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        ControlServer server = new ControlServer(listener, commands, greeting, highestProtocol);
        Thread thread = new Thread(server::acceptAll, "control");
        thread.setDaemon(true);
        thread.start();
        return server;
    }

    private void acceptAll() {
        while (true) {
            try {
                SocketChannel accepted = listener.accept();
                if (!places.tryAcquire()) {
                    accepted.close();
                    continue;
                }
                Thread thread = new Thread(() -> serve(accepted), "control-client");
                thread.setDaemon(true);
                thread.start();
            } catch (AsynchronousCloseException e) {
                return;
            } catch (ClosedChannelException e) {
                return;
            } catch (IOException | RuntimeException e) {
                LOG.log(Level.WARNING, "accepting a client", e);
                java.util.concurrent.locks.LockSupport.parkNanos(100_000_000);
            }
        }
    }

    private void serve(SocketChannel accepted) {
        ControlSession session = new ControlSession();
        try (LineChannel channel = new LineChannel(accepted)) {
            boolean greeted = false;
            String line = channel.read(null);
            while (line != null) {
                Answer answer = answer(line, greeted, session);
                greeted |= answer.ok();
                channel.write(answer.text(), WRITE_LIMIT);
                line = channel.read(null);
            }
        } catch (IOException | RuntimeException e) {
            LOG.log(Level.DEBUG, "a client's connection ended", e);
        } finally {
            places.release();
            session.end();
        }
    }

    private record Answer(boolean ok, String text) {}

    private Answer answer(String line, boolean greeted, ControlSession session) throws IOException {
        long id = -1;
        try {
            Fields request = Fields.parse(line);
            id = request.number("id");
            String command = request.text("command");
            Fields arguments = request.object("arguments");
            Fields result;
            if ("hello".equals(command)) {
                result = hello(arguments);
            } else if (greeted) {
                result = commands.find(command).run(arguments, session);
            } else {
                throw new ControlException(ControlException.Kind.USAGE, "the first request must be hello");
            }
            return new Answer(
                    true, Fields.of("id", id, "result", result.values()).toJson());
        } catch (IOException | RuntimeException | Error e) {
            ControlException failure = ControlException.of(e);
            if (failure.kind() == ControlException.Kind.FAILED) {
                LOG.log(Level.WARNING, "a command failed", e);
            }
            Fields error = Fields.of("kind", failure.kind().name(), "message", String.valueOf(failure.getMessage()));
            return new Answer(
                    false, Fields.of("id", id, "error", error.values()).toJson());
        }
    }

    private Fields hello(Fields arguments) throws ControlException {
        Fields range = arguments.object("protocol");
        long chosen = Math.min(range.number("highest"), highestProtocol);
        if (chosen < Math.max(range.number("lowest"), ControlClient.LOWEST_PROTOCOL)) {
            throw new ControlException(
                    ControlException.Kind.PROTOCOL,
                    "this device server speaks control protocol " + ControlClient.LOWEST_PROTOCOL + " to "
                            + highestProtocol);
        }
        java.util.Map<String, Object> values = new java.util.LinkedHashMap<>(greeting.values());
        values.put("protocol", chosen);
        values.put("commands", commands.names());
        return new Fields(values);
    }

    @Override
    public void close() throws IOException {
        listener.close();
    }
}
