package org.tidemark.appliance.config;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;
import org.tidemark.ploop.os.NativeFile;

/**
 * What happens before the framework starts, so that what is wrong is said in one sentence: settings are gathered (options over
 * environment over file), the state folder is made and locked, the port is tried, the certificate is there. What was found is
 * handed on as system properties.
 */
public final class Startup {
    private static final String LOCK = "appliance.lock";
    private static final int DEFAULT_PORT = 8787;

    /** Kept for as long as this process lives: its lock says that the state folder is ours. */
    private static @Nullable NativeFile lock;

    private Startup() {}

    /** Address as a link shows it, without a slash at the end. */
    public static String publicUrl() {
        return System.getProperty("tidemark.public-url", "");
    }

    /** Address by which programs of this host reach the appliance. */
    public static String localUrl() {
        return System.getProperty("tidemark.local-url", "");
    }

    /** Fingerprint of the certificate in hex; empty without TLS. */
    public static String certificateSha256() {
        return System.getProperty("tidemark.certificate-sha256", "");
    }

    public static void prepare(ServeOptions options, Map<String, String> environment) throws IOException {
        if (options.config != null) {
            load(options.config);
        } else if (environment.containsKey("TIDEMARK_CONFIG")) {
            load(Path.of(environment.get("TIDEMARK_CONFIG")));
        }
        Path state = Path.of(setting("tidemark.state", options.state, environment, "/var/lib/tidemark"))
                .toAbsolutePath()
                .normalize();
        System.setProperty("tidemark.state", state.toString());
        setting("tidemark.run", options.run, environment, "/run/tidemark");
        logForm(setting("tidemark.log", options.log, environment, "text"));
        if (options.provision != null || environment.containsKey("TIDEMARK_PROVISION")) {
            setting("tidemark.provision", options.provision, environment, "");
        }
        Listen listen =
                Listen.parse(setting("tidemark.listen", options.listen, environment, "0.0.0.0:" + DEFAULT_PORT));
        makeStateFolder(state);
        lock = lock(state);
        Tls.Mode mode = Tls.mode(tlsSetting(options, environment));
        boolean behindProxy = Boolean.parseBoolean(setting("tidemark.behind-proxy", null, environment, "false"));
        if (mode == Tls.Mode.OFF && !listen.isLoopback() && !behindProxy) {
            throw ApplianceException.usage(
                    "without TLS the appliance listens on this host only: give --listen 127.0.0.1:"
                            + listen.port()
                            + ", or keep TLS, or set tidemark.behind-proxy=true when something in front of it"
                            + " ends TLS");
        }
        int port = freePort(listen);
        System.setProperty("quarkus.http.host", listen.host());
        Tls.configure(mode, state, listen, port, environment);
        System.setProperty(
                "quarkus.datasource.jdbc.url",
                "jdbc:h2:file:" + state.resolve("catalogue")
                        + ";DB_CLOSE_ON_EXIT=FALSE;WRITE_DELAY=0;DEFAULT_LOCK_TIMEOUT=20000");
        String scheme = mode == Tls.Mode.OFF ? "http" : "https";
        System.setProperty("tidemark.local-url", scheme + "://" + listen.localHost() + ":" + port);
        String named = setting("tidemark.public-url", null, environment, "");
        System.setProperty(
                "tidemark.public-url",
                named.isEmpty() ? scheme + "://" + listen.linkHost() + ":" + port : named.replaceAll("/+$", ""));
    }

    /** The environment's names of the nested TLS setting differ from the rule of the others. */
    private static String tlsSetting(ServeOptions options, Map<String, String> environment) {
        String word = options.tls != null
                ? options.tls
                : environment.getOrDefault("TIDEMARK_TLS", System.getProperty("tidemark.tls.mode", "generated"));
        System.setProperty("tidemark.tls.mode", word.toLowerCase(Locale.ROOT));
        return word;
    }

    private static void logForm(String word) throws ApplianceException {
        if (!word.equals("text") && !word.equals("json")) {
            throw ApplianceException.usage("'" + word + "' is no form of a log; take text or json");
        }
        System.setProperty("quarkus.log.console.json.enabled", String.valueOf(word.equals("json")));
    }

    /** Gathers one setting and makes it a system property. */
    static String setting(String name, @Nullable Object option, Map<String, String> environment, String usual) {
        String variable = name.toUpperCase(Locale.ROOT).replace('.', '_').replace('-', '_');
        String value = option != null
                ? option.toString()
                : environment.getOrDefault(variable, System.getProperty(name, usual));
        System.setProperty(name, value);
        return value;
    }

    private static void load(Path file) throws IOException {
        Properties properties = new Properties();
        try (var reader = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
            properties.load(reader);
        } catch (FileSystemException e) {
            throw new ApplianceException(
                    FailureKind.of(e), "settings file " + file + " cannot be read: " + FailureKind.words(e), e);
        }
        for (String name : properties.stringPropertyNames()) {
            if (!name.startsWith("tidemark.") && !name.startsWith("quarkus.")) {
                throw ApplianceException.usage("settings file " + file + ": '" + name
                        + "' is no setting; settings begin with 'tidemark.' (or 'quarkus.')");
            }
            if (System.getProperty(name) == null) {
                System.setProperty(name, properties.getProperty(name));
            }
        }
    }

    private static void makeStateFolder(Path state) throws IOException {
        try {
            if (!Files.isDirectory(state)) {
                Files.createDirectories(
                        state, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            }
            Files.createDirectories(state.resolve("scratch"));
        } catch (FileSystemException e) {
            throw new ApplianceException(
                    FailureKind.of(e),
                    "state folder " + state + " cannot be made: " + FailureKind.words(e)
                            + "; run as root, or give another with --state",
                    e);
        }
    }

    private static NativeFile lock(Path state) throws IOException {
        Path path = state.resolve(LOCK);
        NativeFile file = NativeFile.open(path, NativeFile.READ_WRITE | NativeFile.CREATE, 0600);
        if (!file.tryLock(true)) {
            file.close();
            String owner = Files.readString(path).strip();
            throw ApplianceException.conflict("another appliance" + (owner.isEmpty() ? "" : " (process " + owner + ")")
                    + " uses the state folder " + state + "; stop it, or give another folder with --state");
        }
        Files.writeString(path, ProcessHandle.current().pid() + "\n");
        return file;
    }

    /** Port 0 means any; it is chosen here so that links can name it. */
    private static int freePort(Listen listen) throws IOException {
        try (ServerSocket socket = new ServerSocket()) {
            socket.setReuseAddress(true);
            socket.bind(new InetSocketAddress(InetAddress.getByName(listen.host()), listen.port()));
            return socket.getLocalPort();
        } catch (UnknownHostException e) {
            throw new ApplianceException(
                    FailureKind.USAGE, "'" + listen.host() + "' is no address of this host; see --listen", e);
        } catch (IOException e) {
            throw new ApplianceException(
                    FailureKind.CONFLICT,
                    "cannot listen on " + listen.host() + ":" + listen.port() + " (" + e.getMessage()
                            + "): another program has the port? Stop it, or give another with --listen HOST:PORT",
                    e);
        }
    }
}
