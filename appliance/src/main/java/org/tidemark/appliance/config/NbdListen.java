package org.tidemark.appliance.config;

import java.io.IOException;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;

/**
 * Where exports are offered over TCP, and how they are encrypted: with the certificate of the appliance.
 *
 * @param tls null for connections in the clear
 */
public record NbdListen(String host, int port, @Nullable Supplier<SSLContext> tls) {
    private static final int USUAL_PORT = 10_809;

    /** Reads {@code HOST:PORT} or {@code HOST}; an IPv6 address in brackets or alone. In the clear only on this host. */
    public static NbdListen of(String words) throws IOException {
        Listen listen = Listen.parse(withPort(words));
        Supplier<SSLContext> tls = CertificateFiles.renewed();
        if (tls == null && !listen.isLoopback()) {
            throw ApplianceException.usage("without TLS, NBD exports are for this host only: set TIDEMARK_NBD_LISTEN to"
                    + " 127.0.0.1:" + listen.port() + ", or keep TLS");
        }
        return new NbdListen(listen.host(), listen.port(), tls);
    }

    private static String withPort(String words) {
        boolean bareIpv6 = !words.startsWith("[") && words.indexOf(':') != words.lastIndexOf(':');
        if (bareIpv6) {
            return "[" + words + "]:" + USUAL_PORT;
        }
        return words.matches(".*[^:]:[^:\\]]+") ? words : words + ":" + USUAL_PORT;
    }

    /** What a program is given. */
    public String uri(int actualPort, String export) {
        String scheme = tls == null ? "nbd" : "nbds";
        return scheme + "://" + new Listen(host, actualPort).linkHost() + ":" + actualPort + "/" + export;
    }
}
