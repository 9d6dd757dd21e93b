package org.tidemark.ploop.os.nfs;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A folder on an NFS server: {@code nfs://server[:port]/export/path[?uid=N&gid=N&mountport=N]}.
 *
 * @param path the export's path and what is below it, as the server knows it; begins with '/', does not end with it
 */
public record NfsLocation(NfsServer server, String path) {
    private static final Pattern OPTION = Pattern.compile("(uid|gid|mountport)=([0-9]{1,10})");
    private static final int MAX_PATH = 1000;

    /**
     * Reads an address.
     *
     * @throws IllegalArgumentException when it is none; says what is wrong
     */
    public static NfsLocation parse(String address) {
        URI uri;
        try {
            uri = new URI(address);
        } catch (URISyntaxException e) {
            throw new IllegalArgumentException(
                    "'" + address + "' is no address of the form nfs://server/export/path", e);
        }
        String path = uri.getPath() == null ? "" : uri.getPath().replaceAll("/+$", "");
        if (!"nfs".equals(uri.getScheme()) || uri.getHost() == null || path.isEmpty()) {
            throw new IllegalArgumentException("'" + address + "' is no address of the form nfs://server/export/path");
        }
        requireNothingElse(address, uri, path);
        if (path.length() > MAX_PATH
                || path.contains("//")
                || (path + "/").contains("/../")
                || (path + "/").contains("/./")) {
            throw new IllegalArgumentException("the path '" + path + "' is too long or has an empty part, '.' or '..'");
        }
        OptionalInt port = uri.getPort() < 0 ? OptionalInt.empty() : OptionalInt.of(uri.getPort());
        OptionalInt[] options = options(uri.getQuery());
        String host = uri.getHost().replaceAll("^\\[(.*)]$", "$1");
        return new NfsLocation(new NfsServer(host, port, options[2], options[0], options[1]), path);
    }

    /** What would be dropped, or would end the path for the library, makes it another address than was meant. */
    private static void requireNothingElse(String address, URI uri, String path) {
        if (uri.getRawUserInfo() != null) {
            throw new IllegalArgumentException(
                    "'" + address
                            + "' is no address of a folder on NFS: a user before the server means nothing there; use ?uid=N&gid=N");
        }
        if (uri.getRawFragment() != null) {
            throw new IllegalArgumentException(
                    "'" + address + "' is no address of a folder on NFS: write '#' in a name as %23");
        }
        if (path.indexOf('\0') >= 0) {
            throw new IllegalArgumentException(
                    "'" + address + "' is no address of a folder on NFS: no name can hold %00");
        }
        if (address.toLowerCase(Locale.ROOT).contains("%2f")) {
            throw new IllegalArgumentException(
                    "'" + address + "' is no address of a folder on NFS: no name can hold %2f");
        }
    }

    private static OptionalInt[] options(@Nullable String query) {
        OptionalInt[] options = {OptionalInt.empty(), OptionalInt.empty(), OptionalInt.empty()};
        for (String word : query == null || query.isEmpty() ? new String[0] : query.split("&")) {
            Matcher matcher = OPTION.matcher(word);
            long value = matcher.matches() ? Long.parseLong(matcher.group(2)) : Long.MAX_VALUE;
            if (value > Integer.MAX_VALUE) {
                throw new IllegalArgumentException(
                        "'" + word + "' is no option; known are uid=N, gid=N and mountport=N");
            }
            options["uid".equals(matcher.group(1)) ? 0 : "gid".equals(matcher.group(1)) ? 1 : 2] =
                    OptionalInt.of((int) value);
        }
        return options;
    }

    /** As {@link #parse} reads it. */
    public String address() {
        StringBuilder address = new StringBuilder("nfs://");
        String host = server.host();
        address.append(host.contains(":") ? "[" + host + "]" : host);
        server.nfsPort().ifPresent(port -> address.append(':').append(port));
        StringBuilder options = new StringBuilder();
        server.uid().ifPresent(uid -> options.append("&uid=").append(uid));
        server.gid().ifPresent(gid -> options.append("&gid=").append(gid));
        server.mountPort().ifPresent(port -> options.append("&mountport=").append(port));
        try {
            address.append(new URI(null, null, path, null).getRawPath());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(path, e);
        }
        return options.isEmpty() ? address.toString() : address + "?" + options.substring(1);
    }

    /** The longest of these exports that the path lies in, without a '/' at its end; empty text for the root. */
    public Optional<String> exportAmong(List<String> exports) {
        return exports.stream()
                .map(one -> one.replaceAll("/+$", ""))
                .filter(one -> path.equals(one) || path.startsWith(one + "/"))
                .max(Comparator.comparingInt(String::length));
    }

    @Override
    public String toString() {
        return "nfs://" + server.host() + path;
    }
}
