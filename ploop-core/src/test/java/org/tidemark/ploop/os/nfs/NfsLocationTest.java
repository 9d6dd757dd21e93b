package org.tidemark.ploop.os.nfs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.List;
import org.junit.jupiter.api.Test;

class NfsLocationTest {
    @Test
    void anAddressIsReadAndWritten() {
        for (String address : List.of(
                "nfs://nas/srv/backups",
                "nfs://nas.example.org:20049/srv/my%20backups?uid=1000&gid=100&mountport=20048",
                "nfs://[2001:db8::1]/srv")) {
            assertThat(NfsLocation.parse(address).address()).isEqualTo(address);
        }
        NfsLocation location =
                NfsLocation.parse("nfs://nas/srv/backups//".replace("//", "/").replace("nfs:/", "nfs://"));
        assertThat(location.path()).isEqualTo("/srv/backups");
        assertThat(NfsLocation.parse("nfs://[2001:db8::1]/srv").server().host()).isEqualTo("2001:db8::1");
        assertThat(NfsLocation.parse("nfs://nas/srv?uid=7")).hasToString("nfs://nas/srv");
    }

    @Test
    void whatIsNoneIsRefused() {
        for (String address : List.of(
                "",
                "nas:/srv",
                "nfs://nas",
                "nfs://nas/",
                "nfs:///srv",
                "http://nas/srv",
                "nfs://nas/srv/../etc",
                "nfs://nas/srv/%2e%2e/etc",
                "nfs://nas/srv/%2E./etc",
                "nfs://nas/srv%2f..%2fetc",
                "nfs://nas/srv/a%2Fb",
                "nfs://nas/srv/a%00b",
                "nfs://nas/srv#old",
                "nfs://nas/srv?uid=0#old",
                "nfs://root@nas/srv",
                "nfs://nas/a//b",
                "nfs://nas/srv?uid=root",
                "nfs://nas/srv?uid=99999999999",
                "nfs://nas/srv?version=4",
                "nfs://nas/" + "x".repeat(2000))) {
            assertThatIllegalArgumentException()
                    .as(address)
                    .isThrownBy(() -> NfsLocation.parse(address))
                    .withMessageMatching("(?s).*(no address|no option|too long).*");
        }
    }
}
