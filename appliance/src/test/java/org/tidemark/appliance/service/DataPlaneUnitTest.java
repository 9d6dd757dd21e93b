package org.tidemark.appliance.service;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What the data plane must be allowed for images on NFS: a real systemd of a user does not restrict it as that of a host does. */
class DataPlaneUnitTest {
    private static final Path UNIT = Path.of("../scripts/systemd/tidemark-data-plane.service");

    @Test
    void theNetworkIsThereAndMayBeUsed() throws IOException {
        assertThat(words("RestrictAddressFamilies=")).contains("AF_UNIX", "AF_INET", "AF_INET6", "AF_NETLINK");
        assertThat(words("CapabilityBoundingSet=")).contains("CAP_NET_BIND_SERVICE", "CAP_SYS_ADMIN");
        assertThat(words("After=")).contains("network-online.target");
        assertThat(words("Wants=")).contains("network-online.target");
    }

    private static List<String> words(String setting) throws IOException {
        return Files.readAllLines(UNIT).stream()
                .filter(line -> line.startsWith(setting))
                .flatMap(line -> List.of(line.substring(setting.length()).split(" ")).stream())
                .toList();
    }
}
