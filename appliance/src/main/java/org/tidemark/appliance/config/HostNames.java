package org.tidemark.appliance.config;

import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.util.Collections;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/** What this host is called: the names and addresses a certificate must hold. */
record HostNames(Set<String> names, Set<String> addresses) {
    private static final Pattern NAME =
            Pattern.compile("[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*");
    private static final Pattern ADDRESS = Pattern.compile("[0-9.]+|[0-9a-fA-F:]*:[0-9a-fA-F:.]*");
    private static final int MAX_NAME = 253;
    /** Hosts with many containers have hundreds of addresses; a certificate stays small. */
    private static final int MAX_ADDRESSES = 64;

    HostNames {
        names = Collections.unmodifiableSet(new TreeSet<>(names));
        addresses = Collections.unmodifiableSet(new TreeSet<>(addresses));
    }

    static HostNames of(Listen listen) {
        Set<String> names = new TreeSet<>(Set.of("localhost"));
        Set<String> addresses = new TreeSet<>(Set.of("127.0.0.1", "::1"));
        try {
            InetAddress self = InetAddress.getLocalHost();
            addName(names, self.getHostName());
            addName(names, self.getCanonicalHostName());
        } catch (UnknownHostException e) {
            // A host without a name is reached by its addresses.
        }
        addName(names, listen.host());
        addName(names, hostOf(System.getProperty("tidemark.public-url", "")));
        try {
            for (NetworkInterface card : Collections.list(NetworkInterface.getNetworkInterfaces())) {
                for (InetAddress address : Collections.list(card.getInetAddresses())) {
                    // Addresses of one cable only are of no use in a link, and they come and go.
                    if (!address.isLinkLocalAddress() && addresses.size() < MAX_ADDRESSES) {
                        addresses.add(plain(address));
                    }
                }
            }
        } catch (SocketException e) {
            // Then by its names.
        }
        return new HostNames(names, addresses);
    }

    private static String hostOf(String url) {
        try {
            String host = java.net.URI.create(url).getHost();
            return host == null ? "" : host;
        } catch (IllegalArgumentException e) {
            return "";
        }
    }

    private static void addName(Set<String> names, String name) {
        String lower = name.toLowerCase(Locale.ROOT);
        if (isName(lower)) {
            names.add(lower);
        }
    }

    static boolean isName(String word) {
        return word.length() <= MAX_NAME
                && NAME.matcher(word).matches()
                && !ADDRESS.matcher(word).matches();
    }

    /** Without the zone; {@code ::1} in its short form, as it is known. */
    private static String plain(InetAddress address) {
        String words = address.getHostAddress();
        int zone = words.indexOf('%');
        String plain = zone < 0 ? words : words.substring(0, zone);
        return plain.equals("0:0:0:0:0:0:0:1") ? "::1" : plain;
    }

    /** The name for people. */
    String first() {
        return names.stream()
                .filter(name -> !name.equals("localhost"))
                .findFirst()
                .orElse("localhost");
    }

    /** As keytool takes them. */
    String alternatives() {
        StringBuilder words = new StringBuilder("SAN=");
        names.forEach(name -> words.append("dns:").append(name).append(','));
        addresses.forEach(address -> words.append("ip:").append(address).append(','));
        words.setLength(words.length() - 1);
        return words.toString();
    }
}
