package org.tidemark.appliance.security;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

final class AttemptLimitTest {
    private static final int FREE = 3;

    private final SettableClock clock = new SettableClock();
    private final AttemptLimit limit =
            new AttemptLimit(clock, FREE, Duration.ofMinutes(5), Duration.ofMinutes(30), 100);

    private void fail(int times) {
        for (int i = 0; i < times; i++) {
            assertThat(limit.begin("anna")).isZero();
        }
    }

    @Test
    void someFailuresAreFreeThenTheWaitDoubles() {
        fail(FREE);
        assertThat(limit.begin("anna")).isEqualTo(Duration.ofSeconds(1));
        assertThat(limit.begin("bert")).isZero();
        clock.advance(Duration.ofSeconds(1));
        fail(1);
        assertThat(limit.begin("anna")).isEqualTo(Duration.ofSeconds(2));
        clock.advance(Duration.ofSeconds(2));
        fail(1);
        assertThat(limit.begin("anna")).isEqualTo(Duration.ofSeconds(4));
    }

    @Test
    void whoeverWaitsDoesNotWaitLongerForAsking() {
        fail(FREE);
        for (int i = 0; i < 50; i++) {
            assertThat(limit.begin("anna")).isEqualTo(Duration.ofSeconds(1));
        }
    }

    @Test
    void theWaitHasALimitAndEndsInBeingForgotten() {
        for (int i = 0; i < 40; i++) {
            Duration wait = limit.begin("anna");
            assertThat(wait).isLessThanOrEqualTo(Duration.ofMinutes(5));
            clock.advance(wait);
        }
        assertThat(limit.begin("anna")).isZero();
        assertThat(limit.begin("anna")).isEqualTo(Duration.ofMinutes(5));
        clock.advance(Duration.ofMinutes(31));
        fail(FREE);
    }

    @Test
    void successForgets() {
        fail(FREE);
        limit.succeeded("anna");
        fail(FREE);
    }

    @Test
    void anAttemptThatSaysNothingIsTakenBack() {
        fail(FREE - 1);
        limit.undone("anna");
        fail(2);
        assertThat(limit.begin("anna")).isPositive();
    }

    @Test
    void remembersABoundedNumber() {
        for (int i = 0; i < 10_000; i++) {
            limit.begin("user-" + i);
        }
        assertThat(limit.keys()).isEqualTo(100);
    }
}
