package org.tidemark.appliance.security;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;

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

    /** Each hash takes 64 MiB in use: many at once wait or are sent away, and those that are served are served right. */
    @Test
    @Timeout(60)
    void manyAtOnceAreBounded() throws Exception {
        Passwords passwords = new Passwords(new SecureRandom(), new PasswordHash.Cost(16 * 1024, 4, 1));
        String hash = passwords.hash("correct horse battery");
        int many = 60;
        AtomicInteger right = new AtomicInteger();
        AtomicInteger refused = new AtomicInteger();
        CountDownLatch begin = new CountDownLatch(1);
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < many; i++) {
            Thread thread = new Thread(() -> {
                try {
                    begin.await();
                    if (passwords.matches("correct horse battery", hash)) {
                        right.incrementAndGet();
                    }
                } catch (ApplianceException e) {
                    if (e.kind() == FailureKind.UNAVAILABLE) {
                        refused.incrementAndGet();
                    }
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            });
            thread.start();
            threads.add(thread);
        }
        begin.countDown();
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(refused.get()).isPositive();
        assertThat(right.get()).isGreaterThanOrEqualTo(2);
        assertThat(right.get() + refused.get()).isEqualTo(many);
    }
}
