package org.tidemark.appliance.service.peer;

import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.X509ExtendedTrustManager;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.config.PeerKey;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;
import org.tidemark.appliance.persistence.PeerEntry;
import org.tidemark.appliance.service.Host;

/** Makes connections to other appliances. Safe for many threads. */
@Singleton
public final class PeerLink {
    private static final Duration CONNECT_LIMIT = Duration.ofSeconds(5);
    /** For an answer. */
    static final Duration USUAL_PATIENCE = Duration.ofSeconds(30);

    private final Host host;

    @Inject
    public PeerLink(Host host) {
        this.host = host;
    }

    PeerKey key() throws IOException {
        return PeerKey.in(host.stateFolder().resolve("peer"));
    }

    /** Connects to a paired appliance. */
    public PeerChannel connect(PeerEntry peer) throws IOException {
        String address = peer.address();
        if (address == null) {
            throw ApplianceException.conflict(
                    "peer '" + peer.name()
                            + "' does not wait for others. Set TIDEMARK_PEER_LISTEN there, and pair from here with an invitation of it");
        }
        return connect(peer.name(), address, peer.fingerprint());
    }

    PeerChannel connect(String name, String address, String fingerprint) throws IOException {
        int colon = address.lastIndexOf(':');
        String hostName = address.substring(0, colon).replaceAll("^\\[|\\]$", "");
        int port = Integer.parseInt(address.substring(colon + 1));
        Socket plain = new Socket();
        boolean done = false;
        try {
            plain.connect(new InetSocketAddress(hostName, port), (int) CONNECT_LIMIT.toMillis());
            plain.setTcpNoDelay(true);
            plain.setKeepAlive(true);
            plain.setSoTimeout((int) USUAL_PATIENCE.toMillis());
            SSLSocket socket = (SSLSocket)
                    key().context(new Pinned(fingerprint)).getSocketFactory().createSocket(plain, hostName, port, true);
            socket.startHandshake();
            done = true;
            return new PeerChannel(socket);
        } catch (IOException e) {
            if (e.getCause() instanceof CertificateException) {
                throw new ApplianceException(
                        FailureKind.NOT_PERMITTED,
                        "at " + address + " is another appliance than '" + name
                                + "' (its key is not the one that it was paired with). If it was set up anew, remove the peer"
                                + " and pair again",
                        e);
            }
            throw new ApplianceException(
                    FailureKind.UNREACHABLE,
                    "appliance '" + name + "' at " + address + " cannot be reached: " + FailureKind.words(e)
                            + ". Check that it runs with TIDEMARK_PEER_LISTEN and that no firewall is between",
                    e);
        } finally {
            if (!done) {
                plain.close();
            }
        }
    }

    /** Believes one certificate, or, without a fingerprint, any: then whoever has the connection looks at it. */
    static final class Pinned extends X509ExtendedTrustManager {
        private final @Nullable String fingerprint;

        Pinned(@Nullable String fingerprint) {
            this.fingerprint = fingerprint;
        }

        private void check(X509Certificate[] chain) throws CertificateException {
            String wanted = fingerprint;
            if (chain.length == 0) {
                throw new CertificateException("no certificate");
            }
            try {
                if (wanted != null && !PeerKey.fingerprintOf(chain[0]).equals(wanted)) {
                    throw new CertificateException("another certificate than the one that is known");
                }
            } catch (IOException e) {
                throw new CertificateException(e);
            }
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket)
                throws CertificateException {
            check(chain);
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket)
                throws CertificateException {
            check(chain);
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine)
                throws CertificateException {
            check(chain);
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine)
                throws CertificateException {
            check(chain);
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type) throws CertificateException {
            check(chain);
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type) throws CertificateException {
            check(chain);
        }

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }
}
