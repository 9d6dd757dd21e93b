package org.tidemark.ploop.device.front;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;

/** By a clock of the test's own, so to the nanosecond. */
class TokenBucketTest {
    private static final long SECOND = 1_000_000_000L;

    /** Wherever the clock stands: its zero means nothing, and it may be negative. */
    private static final long[] STARTS = {0, -5 * SECOND, Long.MAX_VALUE - SECOND, Long.MIN_VALUE + 7};

    @Test
    void theBurstIsFreeThenTheRateHolds() {
        for (long start : STARTS) {
            TokenBucket bucket = new TokenBucket(1000, SECOND / 10, start);
            for (int i = 0; i < 101; i++) {
                assertThat(bucket.take(1, start)).as("request " + i).isZero();
            }
            assertThat(bucket.take(1, start)).isEqualTo(SECOND / 1000);
            assertThat(bucket.take(1, start)).isEqualTo(2 * SECOND / 1000);
        }
    }

    @Test
    void aRestGivesBackTheBurstAndNoMore() {
        TokenBucket bucket = new TokenBucket(10, SECOND, 0);
        for (int i = 0; i < 11; i++) {
            bucket.take(1, 0);
        }
        assertThat(bucket.take(1, 0)).isPositive();
        long later = 3600 * SECOND;
        for (int i = 0; i < 11; i++) {
            assertThat(bucket.take(1, later)).isZero();
        }
        assertThat(bucket.take(1, later)).isEqualTo(SECOND / 10);
    }

    @Test
    void aRequestLargerThanTheBucketGoesThroughAndIsPaidForAfterwards() {
        TokenBucket bucket = new TokenBucket(1 << 20, 0, 0);
        assertThat(bucket.take(8 << 20, 0)).isZero();
        assertThat(bucket.take(512, 0)).isEqualTo(8 * SECOND);
        assertThat(bucket.take(0, 8 * SECOND + 488_282)).isZero();
    }

    /** Whatever comes when: in no stretch of time more than its rate and one burst, and one request more, begins. */
    @Test
    void noStretchOfTimeSeesMoreThanRateAndBurst() {
        Random random = new Random(5);
        long rate = 500;
        long burst = SECOND / 5;
        TokenBucket bucket = new TokenBucket(rate, burst, 0);
        int requests = 4000;
        double[] begins = new double[requests];
        long now = 0;
        for (int i = 0; i < requests; i++) {
            if (random.nextInt(50) == 0) {
                now += random.nextInt((int) SECOND);
            }
            long begin = now + bucket.take(1, now);
            begins[i] = begin;
            // One client: the next request comes when this one has begun, or a little later.
            now = begin + random.nextInt(1000);
        }
        for (int i = 0; i < requests; i += 7) {
            for (int j = i + 1; j < requests; j += 13) {
                double allowed = (begins[j] - begins[i] + burst) / SECOND * rate + 2;
                assertThat((double) (j - i)).isLessThanOrEqualTo(allowed);
            }
        }
        assertThat(begins[requests - 1] / SECOND).isLessThan(requests / (double) rate + 45);
    }

    @Test
    void withoutALimitNothingWaits() {
        TokenBucket bucket = new TokenBucket(0, 0, 0);
        for (int i = 0; i < 1000; i++) {
            assertThat(bucket.take(1 << 20, 0)).isZero();
        }
    }
}
