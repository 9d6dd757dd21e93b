package org.tidemark.appliance.security;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class SecretBoxTest {
    private final SecureRandom random = new SecureRandom();

    @TempDir
    Path state;

    private SecretBox box;

    @BeforeEach
    void open() throws Exception {
        box = SecretBox.of(state, random);
    }

    @Test
    void whatWasSealedOpensAlsoAfterARestart() throws Exception {
        for (String plain : new String[] {"", "s3cr3t", "\u00e4\u20ac\ud83d\ude00", "x".repeat(100_000)}) {
            String sealed = box.seal(plain);
            assertThat(sealed).isNotEqualTo(box.seal(plain));
            assertThat(SecretBox.of(state, random).open(sealed)).isEqualTo(plain);
        }
        assertThat(box.seal("s3cr3t")).startsWith("v1:").doesNotContain("s3cr3t");
    }

    @Test
    void theKeyIsForItsOwnerOnly() throws Exception {
        Path key = state.resolve("secret.key");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(key)))
                .isEqualTo("rw-------");
    }

    @Test
    void damageIsNoticed() throws Exception {
        String sealed = box.seal("s3cr3t");
        for (int i = "v1:".length(); i < sealed.length(); i++) {
            for (char other : "ABQgw9".toCharArray()) {
                String damaged = sealed.substring(0, i) + other + sealed.substring(i + 1);
                if (!damaged.equals(sealed)) {
                    assertThatThrownBy(() -> box.open(damaged))
                            .as("character " + i)
                            .hasMessageContaining("secret.key");
                }
            }
        }
        assertThatThrownBy(() -> box.open("s3cr3t")).hasMessageContaining("secret.key");
        assertThatThrownBy(() -> box.open("v1:AAAA")).hasMessageContaining("secret.key");
    }

    @Test
    void anotherKeyDoesNotOpenIt() throws Exception {
        String sealed = box.seal("s3cr3t");
        Files.delete(state.resolve("secret.key"));
        SecretBox other = SecretBox.of(state, random);
        assertThatThrownBy(() -> other.open(sealed)).hasMessageContaining("enter the secret again");
    }

    @Test
    void aDamagedKeyIsNotReplaced() throws Exception {
        for (String words : new String[] {"", "AAAA", "no base64!"}) {
            Files.writeString(state.resolve("secret.key"), words);
            assertThatThrownBy(() -> SecretBox.of(state, random)).hasMessageContaining("holds no key");
            assertThat(Files.readString(state.resolve("secret.key"))).isEqualTo(words);
        }
    }
}
