package org.tidemark.appliance.config;

import java.io.IOException;

/** Where this appliance waits for others. */
public record PeerListen(String host, int port) {
    public static final int USUAL_PORT = 8788;

    /** Reads {@code HOST:PORT} or {@code HOST}; an IPv6 address in brackets. */
    public static PeerListen of(String words) throws IOException {
        Listen listen = Listen.parse(words.matches(".*[^:]:[0-9]+") ? words : words + ":" + USUAL_PORT);
        return new PeerListen(listen.host(), listen.port());
    }

    /** How others reach it, as far as that can be told from where it listens: this host's name when it listens everywhere. */
    public String address(int actualPort) {
        Listen listen = new Listen(host, actualPort);
        return listen.linkHost() + ":" + actualPort;
    }
}
