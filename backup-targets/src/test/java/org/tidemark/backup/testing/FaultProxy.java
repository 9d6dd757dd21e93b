package org.tidemark.backup.testing;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;
import java.util.stream.Collectors;
import javax.net.ServerSocketFactory;

/**
 * Stands before an HTTP server and does to each request what a bad network or a busy server does. One connection for
 * each request. Also ends TLS, when it is given the sockets for it.
 */
public final class FaultProxy implements Closeable {
    private static final int SOCKET_TIMEOUT_MILLIS = 60_000;

    private final ServerSocket server;
    private final URI upstream;
    private final boolean secure;
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    private final List<Request> seen = new CopyOnWriteArrayList<>();
    private volatile Function<Request, Fault> plan = request -> Fault.NONE;

    /** The head of a request. */
    public record Request(String method, String path, List<String> headers) {
        public boolean isPutOf(String part) {
            return method.equals("PUT") && path.contains(part);
        }
    }

    /** What is done to a request. */
    public record Fault(Kind kind, long number, String answer) {
        enum Kind {
            NONE,
            CUT_REQUEST,
            CUT_ANSWER,
            LOSE_ANSWER,
            ANSWER,
            DELAY,
            STRIP
        }

        public static final Fault NONE = new Fault(Kind.NONE, 0, "");
        /** Happens, and nobody hears of it. */
        public static final Fault LOSE_ANSWER = new Fault(Kind.LOSE_ANSWER, 0, "");
        /** The condition does not arrive. */
        public static final Fault STRIP_CONDITION = new Fault(Kind.STRIP, 0, "if-none-match:");

        /** The connection breaks after so many bytes of the request's body. */
        public static Fault cutRequest(long bytes) {
            return new Fault(Kind.CUT_REQUEST, bytes, "");
        }

        /** The connection breaks after so many bytes of the answer. */
        public static Fault cutAnswer(long bytes) {
            return new Fault(Kind.CUT_ANSWER, bytes, "");
        }

        public static Fault delay(long millis) {
            return new Fault(Kind.DELAY, millis, "");
        }

        /** Another answer than the server's, which hears nothing. */
        public static Fault error(int status, String code, String... headers) {
            String body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>" + code
                    + "</Code><Message>made up</Message>" + "<RequestId>1</RequestId></Error>";
            String more = Arrays.stream(headers).map(line -> line + "\r\n").collect(Collectors.joining());
            return new Fault(
                    Kind.ANSWER,
                    0,
                    "HTTP/1.1 " + status + " Made Up\r\nContent-Type: application/xml\r\nConnection: close\r\n" + more
                            + "Content-Length: " + body.length() + "\r\n\r\n" + body);
        }
    }

    private FaultProxy(ServerSocket server, URI upstream, boolean secure) {
        this.server = server;
        this.upstream = upstream;
        this.secure = secure;
    }

    public static FaultProxy before(URI upstream) throws IOException {
        return start(ServerSocketFactory.getDefault(), upstream, false);
    }

    /** Speaks TLS with its clients. */
    public static FaultProxy secure(ServerSocketFactory sockets, URI upstream) throws IOException {
        return start(sockets, upstream, true);
    }

    private static FaultProxy start(ServerSocketFactory sockets, URI upstream, boolean secure) throws IOException {
        ServerSocket server = sockets.createServerSocket(0, 100, InetAddress.getByName("127.0.0.1"));
        FaultProxy proxy = new FaultProxy(server, upstream, secure);
        Thread thread = new Thread(proxy::accept, "fault-proxy");
        thread.setDaemon(true);
        thread.start();
        return proxy;
    }

    public URI endpoint() {
        return URI.create((secure ? "https" : "http") + "://127.0.0.1:" + server.getLocalPort());
    }

    /** From now on requests meet what {@code newPlan} says; those seen are forgotten. */
    public void faults(Function<Request, Fault> newPlan) {
        seen.clear();
        plan = newPlan;
    }

    /** The first {@code times} requests that {@code match} meet {@code fault}, the others nothing. */
    public void first(int times, Function<Request, Boolean> match, Fault fault) {
        Map<String, Integer> count = new ConcurrentHashMap<>();
        faults(request -> match.apply(request) && count.merge("n", 1, Integer::sum) <= times ? fault : Fault.NONE);
    }

    public List<Request> seen() {
        return List.copyOf(seen);
    }

    private void accept() {
        while (!server.isClosed()) {
            try {
                Socket client = server.accept();
                open.add(client);
                Thread thread = new Thread(() -> serve(client), "fault-proxy-connection");
                thread.setDaemon(true);
                thread.start();
            } catch (IOException e) {
                // Closed, or a client that left again.
            }
        }
    }

    private void serve(Socket client) {
        try (client) {
            client.setSoTimeout(SOCKET_TIMEOUT_MILLIS);
            InputStream in = new BufferedInputStream(client.getInputStream());
            List<String> head = head(in);
            if (!head.isEmpty()) {
                answer(client, in, head);
            }
        } catch (IOException e) {
            // What a broken connection means is the client's concern.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            open.remove(client);
        }
    }

    private void answer(Socket client, InputStream in, List<String> head) throws IOException, InterruptedException {
        String[] words = head.get(0).split(" ", 3);
        Request request = new Request(words[0], words[1], head.subList(1, head.size()));
        Fault fault = plan.apply(request);
        seen.add(request);
        OutputStream out = client.getOutputStream();
        if (fault.kind() == Fault.Kind.ANSWER) {
            out.write(fault.answer().getBytes(StandardCharsets.UTF_8));
            out.flush();
            client.shutdownOutput();
            return;
        }
        if (fault.kind() == Fault.Kind.DELAY) {
            Thread.sleep(fault.number());
        }
        if (head.stream().anyMatch(line -> line.toLowerCase(Locale.ROOT).startsWith("expect:"))) {
            out.write("HTTP/1.1 100 Continue\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
            out.flush();
        }
        try (Socket behind = new Socket(upstream.getHost(), upstream.getPort())) {
            behind.setSoTimeout(SOCKET_TIMEOUT_MILLIS);
            OutputStream to = behind.getOutputStream();
            to.write(passedOn(head, fault).getBytes(StandardCharsets.ISO_8859_1));
            boolean cut = fault.kind() == Fault.Kind.CUT_REQUEST;
            long length = contentLength(head);
            copy(in, to, cut ? Math.min(fault.number(), length) : length);
            to.flush();
            if (cut) {
                client.setSoLinger(true, 0);
                return;
            }
            copy(
                    behind.getInputStream(),
                    fault.kind() == Fault.Kind.LOSE_ANSWER ? OutputStream.nullOutputStream() : out,
                    fault.kind() == Fault.Kind.CUT_ANSWER ? fault.number() : Long.MAX_VALUE);
            out.flush();
        }
    }

    private static String passedOn(List<String> head, Fault fault) {
        return head.stream()
                        .filter(line -> {
                            String lower = line.toLowerCase(Locale.ROOT);
                            boolean stripped = fault.kind() == Fault.Kind.STRIP && lower.startsWith(fault.answer());
                            return !stripped && !lower.startsWith("expect:") && !lower.startsWith("connection:");
                        })
                        .collect(Collectors.joining("\r\n"))
                + "\r\nConnection: close\r\n\r\n";
    }

    private static long contentLength(List<String> head) {
        return head.stream()
                .filter(line -> line.toLowerCase(Locale.ROOT).startsWith("content-length:"))
                .mapToLong(line -> Long.parseLong(line.substring(15).trim()))
                .findFirst()
                .orElse(0);
    }

    private static List<String> head(InputStream in) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        int newLines = 0;
        while (newLines < 2) {
            int one = in.read();
            if (one < 0) {
                return List.of();
            }
            bytes.write(one);
            newLines = one == '\n' ? newLines + 1 : one == '\r' ? newLines : 0;
        }
        return bytes.toString(StandardCharsets.ISO_8859_1).trim().lines().toList();
    }

    private static void copy(InputStream in, OutputStream out, long length) throws IOException {
        byte[] piece = new byte[64 << 10];
        long rest = length;
        while (rest > 0) {
            int got = in.read(piece, 0, (int) Math.min(piece.length, rest));
            if (got < 0) {
                return;
            }
            out.write(piece, 0, got);
            rest -= got;
        }
    }

    @Override
    public void close() throws IOException {
        server.close();
        for (Socket client : open) {
            client.close();
        }
    }
}
