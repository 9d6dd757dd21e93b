package org.tidemark.appliance.config;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.nio.file.Path;
import java.util.Optional;

/** What can be set; each as a property, or in the environment ({@code TIDEMARK_STATE} for {@code tidemark.state}). */
@ConfigMapping(prefix = "tidemark")
public interface ApplianceConfig {
    /** Where the catalogue, the scratch and the keys are. A local disk, not one that Tidemark serves. */
    @WithDefault("/var/lib/tidemark")
    Path state();

    /** Where the sockets and the state of attached devices are: tmpfs. */
    @WithDefault("/run/tidemark")
    Path run();

    /** {@code external} when holder and device server are started by somebody else, as in a pod of their own. */
    @WithDefault("own")
    String dataPlane();

    /** Address and port, {@code HOST:PORT}. */
    @WithDefault("0.0.0.0:8787")
    String listen();

    /** Address and port for NBD exports to other hosts; none when it is not set. Encrypted with the appliance's certificate. */
    Optional<String> nbdListen();

    /** Address and port for other appliances ({@code HOST:PORT}); none when it is not set: then it can only go to them. */
    Optional<String> peerListen();

    /** How other appliances reach this one ({@code HOST:PORT}), when that is not where it listens for them. */
    Optional<String> peerAddress();

    /** How the appliance is reached, when that is not where it listens; for links. */
    Optional<String> publicUrl();

    /** A file with what has to exist: targets, containers, policies. Read at each start. */
    Optional<Path> provision();

    Jobs jobs();

    /** How much is done at once. */
    interface Jobs {
        /** Jobs on this host at a time. */
        @WithDefault("2")
        int max();
    }
}
