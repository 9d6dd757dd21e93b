package org.tidemark.appliance.service;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import org.tidemark.ploop.server.ControlClient;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;
import org.tidemark.ploop.server.ControlException;
import org.tidemark.ploop.server.RecordedDevices;
import org.tidemark.ploop.server.RunFolder;

/**
 * Asks the device servers of single images side by side what they have attached. Of one that is silent, or that died together
 * with its holder, what its run folder tells is listed: it holds up nobody, and its devices are never missing.
 */
final class OwnServerDevices {
    private static final long LOOK_AGAIN_NANOS = 50_000_000;

    private OwnServerDevices() {}

    /** Returns within about {@code limit}, whatever the servers do. None of a server that has ended with nothing attached. */
    static List<AttachedDevice> devices(List<RunFolder> servers, Duration limit) throws IOException {
        long end = System.nanoTime() + limit.toNanos();
        List<FutureTask<List<AttachedDevice>>> questions = new ArrayList<>();
        for (RunFolder server : servers) {
            FutureTask<List<AttachedDevice>> question = new FutureTask<>(() -> ask(server, limit, end));
            Thread thread = new Thread(question, "ask-" + server.path().getFileName());
            thread.setDaemon(true);
            thread.start();
            questions.add(question);
        }
        List<AttachedDevice> devices = new ArrayList<>();
        for (int i = 0; i < servers.size(); i++) {
            devices.addAll(answer(servers.get(i), questions.get(i), limit, end));
        }
        return devices;
    }

    private static List<AttachedDevice> answer(
            RunFolder server, FutureTask<List<AttachedDevice>> question, Duration limit, long end) throws IOException {
        try {
            return question.get(Math.max(0, end - System.nanoTime()), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            return silent(server, "no answer within " + limit.toMillis() + " ms");
        } catch (ExecutionException e) {
            return silent(server, String.valueOf(e.getCause()));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("asking the device servers was interrupted");
        }
    }

    /** One that was killed has a successor soon. */
    private static List<AttachedDevice> ask(RunFolder server, Duration limit, long end) throws IOException {
        while (true) {
            try (ControlClient client = ControlClient.connect(server, limit)) {
                return client.devices(limit);
            } catch (ControlException e) {
                if (e.kind() != ControlException.Kind.DISCONNECTED) {
                    return silent(server, String.valueOf(e.getMessage()));
                }
            }
            if (!server.hasDevices()) {
                return List.of();
            }
            if (end - System.nanoTime() < 2 * LOOK_AGAIN_NANOS) {
                return RecordedDevices.of(
                        server,
                        RecordedDevices.NOT_RUNNING,
                        "nobody serves it and whoever uses it waits; the host's device server starts its own one again:"
                                + " see the logs in " + server.path());
            }
            LockSupport.parkNanos(LOOK_AGAIN_NANOS);
        }
    }

    private static List<AttachedDevice> silent(RunFolder server, String why) throws IOException {
        return RecordedDevices.of(
                server,
                RecordedDevices.NO_ANSWER,
                "its device server is there and gives no answer (" + why + "): see the logs in " + server.path());
    }
}
