package org.tidemark.appliance.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.tidemark.appliance.client.ApplianceClient.body;

import java.io.Closeable;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.tidemark.appliance.cli.Cli;
import org.tidemark.appliance.client.Answer;
import org.tidemark.ploop.testing.Commands;

/**
 * Two appliances on this host, each with its own folders and device server, paired both ways: {@code b} is what the first calls the
 * second, {@code a} what the second calls the first. Between them are links that can be cut.
 */
final class PairedAppliances implements Closeable {
    private final Cli here;
    private final Cli there;
    private final PeerRelay toHere;
    private final PeerRelay toThere;

    private PairedAppliances(Cli here, Cli there, PeerRelay toHere, PeerRelay toThere) {
        this.here = here;
        this.there = there;
        this.toHere = toHere;
        this.toThere = toThere;
    }

    /** Starts them; both have the target {@code t} in the same folder. */
    static PairedAppliances start(String word) throws Exception {
        Cli here = Cli.start(word + "from-");
        Cli there = Cli.start(word + "to-");
        PairedAppliances pair = new PairedAppliances(here, there, listening(here), listening(there));
        pair.pair();
        pair.pairBack();
        for (Cli one : List.of(here, there)) {
            one.client()
                    .post("/targets", body("name", "t", "kind", "LOCAL", "local", body("path", here.path("target"))));
        }
        return pair;
    }

    private static PeerRelay listening(Cli one) throws IOException {
        int port = freePort();
        PeerRelay relay = PeerRelay.before(port);
        one.appliance()
                .withEnvironment("TIDEMARK_PEER_LISTEN", "127.0.0.1:" + port)
                .withEnvironment("TIDEMARK_PEER_ADDRESS", "127.0.0.1:" + relay.port());
        one.startAppliance();
        return relay;
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    /** The first learns where the second is. */
    void pair() throws Exception {
        here.ok("peer", "add", "b", invitation(there), "--as", "a");
    }

    private void pairBack() throws Exception {
        there.ok("peer", "add", "a", invitation(here), "--as", "b");
    }

    static String invitation(Cli of) throws Exception {
        return of.ok("peer", "invite", "--json").json().get("invitation").toString();
    }

    Cli here() {
        return here;
    }

    Cli there() {
        return there;
    }

    /** The link that the second is reached by. */
    PeerRelay toThere() {
        return toThere;
    }

    /** Cuts what is open between them. */
    void cut() {
        toHere.cut();
        toThere.cut();
    }

    /** Brings both up, mends the links, and removes containers, mounts and devices of both. */
    void clear(Path mount) throws Exception {
        toHere.mend();
        toThere.mend();
        for (Cli one : List.of(here, there)) {
            for (Answer known : one.client().list("/containers")) {
                one.client().delete("/containers/" + known.text("name"));
            }
            Commands.tryRun(Cli.LIMIT, "umount", mount.toString());
            for (Object device : one.ok("devices", "--json").jsonRows()) {
                one.ok("detach", ((Map<?, ?>) device).get("device").toString());
            }
        }
    }

    @Override
    public void close() throws IOException {
        try (Cli first = here;
                Cli second = there;
                PeerRelay firstLink = toHere;
                PeerRelay secondLink = toThere) {
            assertThat(first).isNotSameAs(second);
            assertThat(firstLink).isNotSameAs(secondLink);
        }
    }
}
