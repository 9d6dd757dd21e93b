package org.tidemark.appliance.client;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.UnknownHostException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.security.cert.CertificateException;
import java.time.Duration;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLPeerUnverifiedException;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;

/** Requests to one endpoint. Plain connections of the JDK: they are there before anything heavier is loaded. */
final class Transport {
    private static final String BASE = "/api/v1";
    private static final String JSON_TYPE = "application/json";
    /** A list of 500 points is far below. */
    private static final int MAX_BODY = 64 << 20;

    static {
        // A request that changes something must not be sent twice behind our back.
        System.setProperty("sun.net.http.retryPost", "false");
    }

    /** How long is waited for a connection, for an answer, and for the next line of a stream. */
    record Limits(Duration connect, Duration answer, Duration stream) {
        static final Limits USUAL = new Limits(Duration.ofSeconds(5), Duration.ofSeconds(150), Duration.ofSeconds(45));
    }

    /** What came back. */
    record Response(int status, String body) {}

    private final Endpoint endpoint;
    private final Limits limits;
    private @Nullable SSLContext context;

    Transport(Endpoint endpoint, Limits limits) {
        this.endpoint = endpoint;
        this.limits = limits;
    }

    Endpoint endpoint() {
        return endpoint;
    }

    private boolean isSecure() {
        return endpoint.url().regionMatches(true, 0, "https:", 0, 6);
    }

    private SSLContext trusted() throws IOException {
        SSLContext known = context;
        if (known == null) {
            if (endpoint.certificateSha256() != null) {
                known = Trust.pinned(endpoint.certificateSha256());
            } else if (endpoint.authority() != null) {
                known = Trust.authority(endpoint.authority());
            } else {
                known = Trust.usual();
            }
            context = known;
        }
        return known;
    }

    Response send(String method, String path, @Nullable String body) throws IOException {
        if (method.equals("PATCH")) {
            return patch(path, body == null ? "{}" : body);
        }
        HttpURLConnection connection = open(method, path, JSON_TYPE, limits.answer());
        try {
            if (body != null) {
                connection.setDoOutput(true);
                connection.setRequestProperty("Content-Type", JSON_TYPE);
                connection.getOutputStream().write(body.getBytes(StandardCharsets.UTF_8));
            }
            int status = connection.getResponseCode();
            InputStream in = status >= 400 ? connection.getErrorStream() : connection.getInputStream();
            return new Response(status, in == null ? "" : whole(in));
        } catch (IOException e) {
            connection.disconnect();
            throw failure(e);
        }
    }

    /** A connection whose body is read by the caller, line by line, and which the caller ends. */
    HttpURLConnection stream(String path) throws IOException {
        return open("GET", path, "text/event-stream", limits.stream());
    }

    private HttpURLConnection open(String method, String path, String accept, Duration limit) throws IOException {
        SSLContext trusted = isSecure() ? trusted() : null;
        if (trusted != null && endpoint.local()) {
            // A new connection asks for the usual factory before it is given its own, and that one reads every
            // authority that Java knows: a tenth of a second for nothing.
            HttpsURLConnection.setDefaultSSLSocketFactory(trusted.getSocketFactory());
        }
        HttpURLConnection connection = (HttpURLConnection)
                URI.create(endpoint.url() + BASE + path).toURL().openConnection();
        if (connection instanceof HttpsURLConnection secure && trusted != null) {
            secure.setSSLSocketFactory(trusted.getSocketFactory());
            if (endpoint.certificateSha256() != null) {
                // The very certificate is known; which names it bears does not matter.
                secure.setHostnameVerifier((host, session) -> true);
            }
        }
        connection.setRequestMethod(method);
        connection.setInstanceFollowRedirects(false);
        connection.setConnectTimeout((int) limits.connect().toMillis());
        connection.setReadTimeout((int) limit.toMillis());
        connection.setUseCaches(false);
        connection.setRequestProperty("Accept", accept);
        connection.setRequestProperty("Authorization", "Bearer " + endpoint.token());
        return connection;
    }

    /** The older class of the JDK refuses this method. */
    private Response patch(String path, String body) throws IOException {
        HttpClient.Builder builder = HttpClient.newBuilder().connectTimeout(limits.connect());
        if (isSecure()) {
            builder.sslContext(trusted());
        }
        HttpRequest request = HttpRequest.newBuilder(URI.create(endpoint.url() + BASE + path))
                .timeout(limits.answer())
                .header("Accept", JSON_TYPE)
                .header("Content-Type", JSON_TYPE)
                .header("Authorization", "Bearer " + endpoint.token())
                .method("PATCH", HttpRequest.BodyPublishers.ofString(body))
                .build();
        try {
            HttpResponse<String> response = builder.build().send(request, HttpResponse.BodyHandlers.ofString());
            return new Response(response.statusCode(), response.body());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        } catch (IOException e) {
            throw failure(e);
        }
    }

    private static String whole(InputStream in) throws IOException {
        try (in) {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            byte[] part = new byte[16 << 10];
            int length = in.read(part);
            while (length >= 0) {
                out.write(part, 0, length);
                if (out.size() > MAX_BODY) {
                    throw new IOException("the answer is larger than " + (MAX_BODY >> 20) + " MiB");
                }
                length = in.read(part);
            }
            return out.toString(StandardCharsets.UTF_8);
        }
    }

    /** In words of ours. */
    ApplianceException failure(IOException failure) {
        if (failure instanceof ApplianceException ours) {
            return ours;
        }
        if (failure instanceof SSLException && isAboutCertificate(failure)) {
            String why = endpoint.certificateSha256() != null
                    ? "shows another certificate than the one that is expected; something else listens there"
                    : "shows a certificate that is not trusted (" + root(failure)
                            + "); name the file with its authority in TIDEMARK_CA, or its fingerprint in"
                            + " TIDEMARK_CERTIFICATE_SHA256";
            return new ApplianceException(FailureKind.NOT_PERMITTED, endpoint.url() + " " + why, failure);
        }
        String why = failure instanceof SocketTimeoutException || failure instanceof HttpTimeoutException
                ? "it did not answer in time"
                : failure instanceof UnknownHostException ? "there is no such host" : root(failure);
        return new ApplianceException(
                FailureKind.UNREACHABLE, "the appliance at " + endpoint.url() + " cannot be reached: " + why, failure);
    }

    private static boolean isAboutCertificate(Throwable failure) {
        for (Throwable one = failure; one != null && one.getCause() != one; one = one.getCause()) {
            if (one instanceof CertificateException) {
                return true;
            }
        }
        // A name that does not fit is told by nothing but this class.
        return failure instanceof SSLPeerUnverifiedException;
    }

    private static String root(Throwable failure) {
        Throwable one = failure;
        while (one.getCause() != null && one.getCause() != one) {
            one = one.getCause();
        }
        String message = one.getMessage();
        return message == null || message.isBlank() ? "the connection broke" : message;
    }
}
