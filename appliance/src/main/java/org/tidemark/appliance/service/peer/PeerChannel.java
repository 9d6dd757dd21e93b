package org.tidemark.appliance.service.peer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.channels.Channels;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSocket;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.config.PeerKey;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;

/** A connection with another appliance. Used by one thread; another one may close it. */
public final class PeerChannel implements Closeable {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int MAX_MESSAGE_BYTES = 4 << 20;
    private static final int BUFFER_BYTES = 256 << 10;

    private final SSLSocket socket;
    private final DataInputStream in;
    private final DataOutputStream out;

    PeerChannel(SSLSocket socket) throws IOException {
        this.socket = socket;
        in = new DataInputStream(new java.io.BufferedInputStream(socket.getInputStream(), BUFFER_BYTES));
        out = new DataOutputStream(new java.io.BufferedOutputStream(socket.getOutputStream(), BUFFER_BYTES));
    }

    /** Who is at the other end, as its certificate says. */
    String fingerprint() throws IOException {
        try {
            if (socket.getSession().getPeerCertificates()[0] instanceof X509Certificate certificate) {
                return PeerKey.fingerprintOf(certificate);
            }
        } catch (SSLPeerUnverifiedException e) {
            throw new IOException("the other side has no certificate", e);
        }
        throw new IOException("the other side has a certificate of another kind");
    }

    /** For how long the other side may be silent while something is read; zero for ever. */
    public void patience(Duration limit) throws IOException {
        socket.setSoTimeout(Math.toIntExact(limit.toMillis()));
    }

    public void send(Map<String, ?> message) throws IOException {
        byte[] bytes = JSON.writeValueAsBytes(message);
        if (bytes.length > MAX_MESSAGE_BYTES) {
            throw new IOException("a message of " + bytes.length + " bytes is longer than another appliance takes");
        }
        out.writeInt(bytes.length);
        out.write(bytes);
        out.flush();
    }

    /** The next message; empty when the other side has closed the connection between two. */
    public Optional<Map<String, Object>> receive() throws IOException {
        int first = in.read();
        if (first < 0) {
            return Optional.empty();
        }
        int length = first << 24 | in.readUnsignedByte() << 16 | in.readUnsignedByte() << 8 | in.readUnsignedByte();
        if (length < 0 || length > MAX_MESSAGE_BYTES) {
            throw new IOException("the other side does not speak as an appliance does");
        }
        byte[] bytes = new byte[length];
        in.readFully(bytes);
        try {
            return Optional.of(JSON.readValue(bytes, new TypeReference<LinkedHashMap<String, Object>>() {}));
        } catch (JsonProcessingException e) {
            throw new IOException("the other side does not speak as an appliance does", e);
        }
    }

    /**
     * Asks, and waits for the answer.
     *
     * @throws ApplianceException what the other side says that is wrong, in its words; UNREACHABLE when it says nothing
     */
    public Map<String, Object> ask(String operation, Map<String, ?> request) throws IOException {
        Map<String, Object> message = new LinkedHashMap<>(request);
        message.put("operation", operation);
        try {
            send(message);
            Map<String, Object> answer =
                    receive().orElseThrow(() -> new EOFException("the other side has closed the connection"));
            if (answer.get("error") instanceof Map<?, ?> error) {
                throw new ApplianceException(
                        FailureKind.ofCode(String.valueOf(error.get("code"))), String.valueOf(error.get("detail")));
            }
            return answer;
        } catch (ApplianceException e) {
            throw e;
        } catch (SocketTimeoutException e) {
            throw unreachable("it does not answer", e);
        } catch (IOException e) {
            throw unreachable(FailureKind.words(e), e);
        }
    }

    static ApplianceException unreachable(String why, @Nullable Exception cause) {
        return new ApplianceException(
                FailureKind.UNREACHABLE, "the connection to the other appliance failed: " + why, cause);
    }

    /** Tells what went wrong, in place of an answer. */
    void refuse(Exception failure) throws IOException {
        send(Map.of("error", Map.of("code", FailureKind.of(failure).code(), "detail", FailureKind.words(failure))));
    }

    /** From here on the connection is a stream. */
    public ReadableByteChannel in() {
        return Channels.newChannel(in);
    }

    /** From here on the connection is a stream; each write goes out at once. */
    public WritableByteChannel out() {
        return Channels.newChannel(new FlushedStream(out));
    }

    /** What is written in one call leaves at its end. */
    private static final class FlushedStream extends java.io.FilterOutputStream {
        FlushedStream(java.io.OutputStream out) {
            super(out);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            out.write(bytes, offset, length);
            out.flush();
        }
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
