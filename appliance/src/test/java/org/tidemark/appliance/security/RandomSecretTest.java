package org.tidemark.appliance.security;

import static org.assertj.core.api.Assertions.assertThat;

import java.security.SecureRandom;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class RandomSecretTest {
    @Test
    void tokensAreLongAndDiffer() {
        SecureRandom random = new SecureRandom();
        Set<String> seen = new HashSet<>();
        for (int i = 0; i < 1000; i++) {
            String token = RandomSecret.fresh(random, Tokens.PREFIX);
            assertThat(token).matches("tdm_[A-Za-z0-9_-]{43}");
            assertThat(seen.add(token)).isTrue();
        }
    }

    @Test
    void theHashIsPlainSha256() {
        assertThat(RandomSecret.hash("abc"))
                .isEqualTo("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assertThat(RandomSecret.same("abc", "abc")).isTrue();
        assertThat(RandomSecret.same("abc", "abd")).isFalse();
        assertThat(RandomSecret.same("abc", "abcd")).isFalse();
    }

    @Test
    void addressesOfOneNetworkCountAsOne() {
        assertThat(SignIn.network("192.0.2.7")).isEqualTo("192.0.2.7");
        assertThat(SignIn.network("2001:db8:1:2::1"))
                .isEqualTo(SignIn.network("2001:db8:1:2:ffff::9"))
                .isNotEqualTo(SignIn.network("2001:db8:1:3::1"));
    }

    @Test
    void whatStrangersSendIsFitForALog() {
        assertThat(Audit.plain("anna\n2026 INFO root signed in")).isEqualTo("anna?2026 INFO root signed in");
        assertThat(Audit.plain("x".repeat(500))).hasSize(83);
    }
}
