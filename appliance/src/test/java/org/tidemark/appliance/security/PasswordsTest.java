package org.tidemark.appliance.security;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.security.SecureRandom;
import org.junit.jupiter.api.Test;

final class PasswordsTest {
    @Test
    void weakPasswordsAreRefused() {
        assertThatThrownBy(() -> Passwords.demandGood("short", "anna")).hasMessageContaining("12 to 256");
        assertThatThrownBy(() -> Passwords.demandGood("x".repeat(257), "anna")).hasMessageContaining("12 to 256");
        assertThatThrownBy(() -> Passwords.demandGood("aaaaaaaaaaaaaaaa", "anna"))
                .hasMessageContaining("repeats");
        assertThatThrownBy(() -> Passwords.demandGood("administrator", "Administrator"))
                .hasMessageContaining("user name");
        assertThatThrownBy(() -> Passwords.demandGood("administrator1", "administrator"))
                .hasMessageContaining("user name");
        assertThatCode(() -> Passwords.demandGood("anna likes her boat", "anna"))
                .doesNotThrowAnyException();
    }

    /** A user who does not exist costs a hash too, or the time would tell who exists. */
    @Test
    void nobodyTakesAsLongAsSomebody() throws Exception {
        Passwords passwords = new Passwords(new SecureRandom(), new PasswordHash.Cost(16 * 1024, 3, 1));
        String hash = passwords.hash("correct horse battery");
        long somebody = Long.MAX_VALUE;
        long nobody = Long.MAX_VALUE;
        for (int i = 0; i < 8; i++) {
            long begin = System.nanoTime();
            assertThat(passwords.matches("wrong", hash)).isFalse();
            long middle = System.nanoTime();
            assertThat(passwords.matches("wrong", null)).isFalse();
            somebody = Math.min(somebody, middle - begin);
            nobody = Math.min(nobody, System.nanoTime() - middle);
        }
        assertThat(nobody).isGreaterThan(somebody / 3);
        assertThat(passwords.matches("correct horse battery", hash)).isTrue();
    }
}
