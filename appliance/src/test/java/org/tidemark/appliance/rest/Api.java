package org.tidemark.appliance.rest;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;
import org.tidemark.appliance.demo.ApplianceProcess;
import org.tidemark.ploop.testing.Commands;

/** Speaks to an appliance as somebody. */
public final class Api {
    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final HttpClient client;
    private final String url;
    private final Map<String, String> headers;
    /** Of the appliance, where it is known. */
    private final OptionalLong process;

    private Api(HttpClient client, String url, Map<String, String> headers, OptionalLong process) {
        this.client = client;
        this.url = url;
        this.headers = headers;
        this.process = process;
    }

    /** A JSON object of names and values in turn. */
    public static String body(Object... namesAndValues) throws IOException {
        Map<String, Object> body = new LinkedHashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            body.put(String.valueOf(namesAndValues[i]), namesAndValues[i + 1]);
        }
        return JSON.std.asString(body);
    }

    /** As nobody. */
    public static Api of(ApplianceProcess appliance) throws IOException, GeneralSecurityException {
        Api api = of(appliance.url(), appliance.certificateSha256());
        return new Api(api.client, api.url, api.headers, OptionalLong.of(appliance.pid()));
    }

    /** As nobody; takes the certificate of this fingerprint and no other. */
    public static Api of(String url, String certificateSha256) throws GeneralSecurityException {
        HttpClient.Builder builder = HttpClient.newBuilder().connectTimeout(LIMIT);
        if (!certificateSha256.isEmpty()) {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, new TrustManager[] {new Pinned(certificateSha256)}, null);
            builder.sslContext(context);
        }
        return new Api(builder.version(HttpClient.Version.HTTP_1_1).build(), url, Map.of(), OptionalLong.empty());
    }

    public Api with(String header, String value) {
        Map<String, String> more = new TreeMap<>(headers);
        more.put(header, value);
        return new Api(client, url, more, process);
    }

    public Api withToken(String token) {
        return with("Authorization", "Bearer " + token);
    }

    /** As the user whose session this answer began, with the header against forgery. */
    public Api withSession(Answer begun) {
        return with("Cookie", begun.cookie()).with("X-Tidemark-Request", "1");
    }

    public Answer get(String path) throws IOException, InterruptedException {
        return send("GET", path, null);
    }

    public Answer post(String path, String body) throws IOException, InterruptedException {
        return send("POST", path, body);
    }

    public Answer patch(String path, String body) throws IOException, InterruptedException {
        return send("PATCH", path, body);
    }

    public Answer delete(String path) throws IOException, InterruptedException {
        return send("DELETE", path, null);
    }

    public Answer send(String method, String path, String body) throws IOException, InterruptedException {
        HttpRequest.BodyPublisher publisher =
                body == null ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofString(body);
        return sendBody(method, path, publisher);
    }

    public Answer sendBody(String method, String path, HttpRequest.BodyPublisher body)
            throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url + path))
                .timeout(LIMIT)
                .header("Content-Type", "application/json")
                .method(method, body);
        headers.forEach(request::header);
        HttpResponse<String> response;
        try {
            response = client.send(request.build(), HttpResponse.BodyHandlers.ofString());
        } catch (HttpTimeoutException e) {
            throw new IOException(method + " " + path + ": no answer in " + LIMIT + "; the appliance: " + threads(), e);
        }
        return new Answer(
                method + " " + path,
                response.statusCode(),
                response.body(),
                response.headers().map());
    }

    /** What the appliance's threads are at. */
    private String threads() throws IOException, InterruptedException {
        String jcmd = Path.of(System.getProperty("java.home"), "bin", "jcmd").toString();
        return process.isEmpty()
                ? "unknown"
                : Commands.tryRun(LIMIT, jcmd, Long.toString(process.getAsLong()), "Thread.print")
                        .output();
    }

    /** How a request ended. */
    public record Answer(String request, int status, String body, Map<String, List<String>> headers) {
        public Optional<String> header(String name) {
            return headers
                    .getOrDefault(name.toLowerCase(java.util.Locale.ROOT), headers.getOrDefault(name, List.of()))
                    .stream()
                    .findFirst();
        }

        public Map<String, Object> json() throws IOException {
            return JSON.std.mapFrom(body);
        }

        /** {@code name=value} of the cookie that was set. */
        public String cookie() {
            return header("set-cookie").orElseThrow().split(";", 2)[0];
        }

        public Answer is(int wanted) {
            assertThat(status).as("%s: %s", request, body).isEqualTo(wanted);
            return this;
        }

        /** Demands a problem in the form of RFC 9457 that says one whole sentence with these words. */
        public Answer problem(int wanted, String code, String words) throws IOException {
            is(wanted);
            assertThat(header("content-type").orElse("")).as(request).startsWith("application/problem+json");
            assertThat(json())
                    .as(request)
                    .containsEntry("status", wanted)
                    .containsEntry("code", code)
                    .containsEntry("type", "urn:tidemark:problem:" + code);
            assertThat(String.valueOf(json().get("detail")))
                    .as(request)
                    .contains(words)
                    .contains(" ")
                    .doesNotContain("Exception");
            return this;
        }
    }

    /** Believes one certificate, whatever host it is for. */
    private static final class Pinned extends X509ExtendedTrustManager {
        private final String sha256;

        Pinned(String sha256) {
            this.sha256 = sha256;
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type) throws CertificateException {
            try {
                String found = HexFormat.of()
                        .formatHex(MessageDigest.getInstance("SHA-256").digest(chain[0].getEncoded()));
                if (!found.equals(sha256)) {
                    throw new CertificateException("another certificate: " + found);
                }
            } catch (GeneralSecurityException e) {
                throw new CertificateException(e);
            }
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket)
                throws CertificateException {
            checkServerTrusted(chain, type);
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine)
                throws CertificateException {
            checkServerTrusted(chain, type);
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type) throws CertificateException {
            throw new CertificateException("no clients here");
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket)
                throws CertificateException {
            checkClientTrusted(chain, type);
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine)
                throws CertificateException {
            checkClientTrusted(chain, type);
        }

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }
}
