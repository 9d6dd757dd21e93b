package org.tidemark.appliance.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tidemark.appliance.failure.ApplianceException;

class NbdListenTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({
        "127.0.0.1, 127.0.0.1, 10809, nbd://127.0.0.1:10809/x",
        "127.0.0.1:1234, 127.0.0.1, 1234, nbd://127.0.0.1:1234/x",
        "localhost, localhost, 10809, nbd://localhost:10809/x",
        "[::1]:10810, ::1, 10810, nbd://[::1]:10810/x",
        "[::1], ::1, 10809, nbd://[::1]:10809/x",
        "::1, ::1, 10809, nbd://[::1]:10809/x"
    })
    void anAddressMayBeOfEitherKindWithAPortOrWithout(String words, String host, int port, String uri)
            throws IOException {
        NbdListen listen = NbdListen.of(words);
        assertThat(listen.host()).isEqualTo(host);
        assertThat(listen.port()).isEqualTo(port);
        assertThat(listen.uri(port, "x")).isEqualTo(uri);
    }

    @Test
    void inTheClearOnlyThisHostMayBeListenedOn() {
        for (String words : List.of("0.0.0.0", "::", "[::]:10809", "[::1]:port", "")) {
            assertThatThrownBy(() -> NbdListen.of(words)).as(words).isInstanceOf(ApplianceException.class);
        }
    }

    @Test
    void aRenewedCertificateHoldsFromTheNextConnectionOnAndABadOneNever() throws Exception {
        Path file = Files.writeString(folder.resolve("cert.pem"), "first");
        List<String> read = new ArrayList<>();
        RenewedTls tls = new RenewedTls(List.of(file), () -> {
            String words = Files.readString(file);
            read.add(words);
            if (words.equals("broken one")) {
                throw new IOException(words);
            }
            return fresh();
        });
        SSLContext first = tls.get();
        assertThat(tls.get()).isSameAs(first);
        Files.writeString(file, "broken one");
        assertThat(tls.get()).as("a bad one is not used").isSameAs(first);
        assertThat(tls.get()).isSameAs(first);
        Files.writeString(file, "the second");
        Files.setLastModifiedTime(file, java.nio.file.attribute.FileTime.fromMillis(1));
        assertThat(tls.get()).isNotSameAs(first);
        assertThat(read).containsExactly("first", "broken one", "the second");
    }

    private static SSLContext fresh() throws IOException {
        try {
            return SSLContext.getInstance("TLS");
        } catch (GeneralSecurityException e) {
            throw new IOException(e);
        }
    }
}
