package org.tidemark.appliance.security;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.security.SecureRandom;
import org.junit.jupiter.api.Test;

final class PasswordHashTest {
    private static final PasswordHash.Cost CHEAP = new PasswordHash.Cost(64, 1, 1);

    private final SecureRandom random = new SecureRandom();

    @Test
    void theRightPasswordMatchesAndNoOther() {
        String hash = PasswordHash.of("correct horse battery", CHEAP, random);
        assertThat(PasswordHash.matches("correct horse battery", hash)).isTrue();
        assertThat(PasswordHash.matches("correct horse batterY", hash)).isFalse();
        assertThat(PasswordHash.matches("", hash)).isFalse();
        assertThat(hash).startsWith("$argon2id$v=19$m=64,t=1,p=1$").doesNotContain("horse");
    }

    @Test
    void theSamePasswordHasAnotherHashEachTime() {
        assertThat(PasswordHash.of("correct horse", CHEAP, random))
                .isNotEqualTo(PasswordHash.of("correct horse", CHEAP, random));
    }

    /** Made by the reference implementation: echo -n password | argon2 somesalt -id -t 2 -k 65536 -p 1 -l 32 -e. */
    @Test
    void agreesWithTheReferenceImplementation() {
        String hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assertThat(PasswordHash.matches("password", hash)).isTrue();
        assertThat(PasswordHash.matches("passwort", hash)).isFalse();
    }

    @Test
    void costsChangeWithTime() {
        String cheap = PasswordHash.of("correct horse", CHEAP, random);
        assertThat(PasswordHash.isOutdated(cheap)).isTrue();
        assertThat(PasswordHash.isOutdated(PasswordHash.of("correct horse", PasswordHash.USUAL, random)))
                .isFalse();
    }

    @Test
    void otherFormsAreNotGuessedAt() {
        assertThatThrownBy(() -> PasswordHash.matches("x", "$2b$10$abc")).isInstanceOf(IllegalStateException.class);
    }
}
