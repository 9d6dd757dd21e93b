package org.tidemark.appliance.config;

import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import org.tidemark.appliance.failure.ApplianceException;

/** An address to listen on. */
record Listen(String host, int port) {
    private static final int MAX_PORT = 65_535;

    /** Reads {@code HOST:PORT}, {@code [IPV6]:PORT} or {@code PORT}. */
    static Listen parse(String words) throws IOException {
        int colon = words.lastIndexOf(':');
        String host = colon < 0 ? "0.0.0.0" : words.substring(0, colon);
        if (host.startsWith("[") && host.endsWith("]")) {
            host = host.substring(1, host.length() - 1);
        }
        try {
            int port = Integer.parseInt(words.substring(colon + 1));
            if (port >= 0 && port <= MAX_PORT && !host.isEmpty()) {
                return new Listen(host, port);
            }
        } catch (NumberFormatException e) {
            // Said below.
        }
        throw ApplianceException.usage(
                "'" + words + "' is no address to listen on; give HOST:PORT, such as 127.0.0.1:8787");
    }

    boolean isLoopback() {
        try {
            return InetAddress.getByName(host).isLoopbackAddress();
        } catch (UnknownHostException e) {
            return false;
        }
    }

    private boolean isAny() {
        return host.equals("0.0.0.0") || host.equals("::");
    }

    /** How this host reaches it. */
    String localHost() {
        return isAny() ? "127.0.0.1" : inUrl(host);
    }

    /** How others reach it, as far as this host knows. */
    String linkHost() {
        if (!isAny()) {
            return inUrl(host);
        }
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException e) {
            return "127.0.0.1";
        }
    }

    private static String inUrl(String host) {
        return host.indexOf(':') >= 0 ? "[" + host + "]" : host;
    }
}
