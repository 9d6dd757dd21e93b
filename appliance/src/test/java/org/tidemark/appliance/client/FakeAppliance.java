package org.tidemark.appliance.client;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** A server that answers what a test tells it to, and remembers what it was asked. */
final class FakeAppliance implements AutoCloseable {
    private static final int THREADS = 8;

    private final HttpServer server;
    private final ExecutorService threads =
            new ThreadPoolExecutor(THREADS, THREADS, 1, TimeUnit.SECONDS, new LinkedBlockingQueue<>());
    private final List<String> asked = Collections.synchronizedList(new ArrayList<>());

    /** One way to answer. */
    interface Answering {
        void answer(HttpExchange exchange) throws IOException;
    }

    FakeAppliance(HttpServer server, Answering answering) {
        this.server = server;
        server.setExecutor(threads);
        server.createContext("/", exchange -> {
            String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
            asked.add((exchange.getRequestMethod() + " " + exchange.getRequestURI() + " " + body).strip());
            try (exchange) {
                answering.answer(exchange);
            }
        });
        server.start();
    }

    static FakeAppliance start(Answering answering) throws IOException {
        return new FakeAppliance(
                HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0), answering);
    }

    String url() {
        return "http://127.0.0.1:" + server.getAddress().getPort();
    }

    int port() {
        return server.getAddress().getPort();
    }

    List<String> asked() {
        return List.copyOf(asked);
    }

    ApplianceClient client() throws IOException {
        return client(Transport.Limits.USUAL);
    }

    ApplianceClient client(Transport.Limits limits) throws IOException {
        return new ApplianceClient(() -> new Endpoint(url(), "tdm_test", null, null, false), limits);
    }

    static Transport.Limits impatient() {
        return new Transport.Limits(Duration.ofSeconds(2), Duration.ofMillis(300), Duration.ofMillis(300));
    }

    static void send(HttpExchange exchange, int status, String type, String body) throws IOException {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", type);
        exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
        if (bytes.length > 0) {
            exchange.getResponseBody().write(bytes);
        }
    }

    static void json(HttpExchange exchange, int status, String body) throws IOException {
        send(exchange, status, status < 400 ? "application/json" : "application/problem+json", body);
    }

    /** Events, and then the end of the stream. */
    static void events(HttpExchange exchange, String... jobs) throws IOException {
        exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
        exchange.sendResponseHeaders(200, 0);
        OutputStream out = exchange.getResponseBody();
        for (String job : jobs) {
            out.write((":still here\n\nevent:job\nid:1\ndata:" + job + "\n\n").getBytes(StandardCharsets.UTF_8));
            out.flush();
        }
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
