package org.tidemark.appliance.security;

import static org.assertj.core.api.Assertions.assertThat;

import java.security.SecureRandom;
import java.time.Duration;
import org.junit.jupiter.api.Test;

final class SetupCodeTest {
    private final SettableClock clock = new SettableClock();
    private final SetupCode code = new SetupCode(new SecureRandom(), clock);

    @Test
    void withoutACodeNothingIsRight() {
        assertThat(code.check("")).isEqualTo(SetupCode.Answer.WRONG);
    }

    @Test
    void worksUntilItWasUsed() {
        String words = code.fresh();
        assertThat(code.check(words + "x")).isEqualTo(SetupCode.Answer.WRONG);
        assertThat(code.check(words)).isEqualTo(SetupCode.Answer.RIGHT);
        code.used();
        assertThat(code.check(words)).isEqualTo(SetupCode.Answer.WRONG);
    }

    @Test
    void endsAfterADay() {
        String words = code.fresh();
        clock.advance(Duration.ofHours(24));
        assertThat(code.check(words)).isEqualTo(SetupCode.Answer.RIGHT);
        clock.advance(Duration.ofMillis(1));
        assertThat(code.check(words)).isEqualTo(SetupCode.Answer.TOO_OLD);
    }

    @Test
    void anotherOneReplacesIt() {
        String first = code.fresh();
        String second = code.fresh();
        assertThat(code.check(first)).isEqualTo(SetupCode.Answer.WRONG);
        assertThat(code.check(second)).isEqualTo(SetupCode.Answer.RIGHT);
    }
}
