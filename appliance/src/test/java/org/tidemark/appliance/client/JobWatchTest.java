package org.tidemark.appliance.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;

/** A job is followed to its end, whatever becomes of the connection. */
@Timeout(60)
class JobWatchTest {
    private final List<String> told = new ArrayList<>();

    private static String job(String state) {
        return "{\"id\":\"1\",\"state\":\"" + state + "\"}";
    }

    private void listen(Answer job) {
        told.add(job.text("state"));
    }

    @Test
    void eventsUntilTheEnd() throws Exception {
        try (FakeAppliance server = FakeAppliance.start(
                exchange -> FakeAppliance.events(exchange, job("QUEUED"), job("RUNNING"), job("SUCCEEDED")))) {
            assertThat(server.client().watch("1", this::listen).text("state")).isEqualTo("SUCCEEDED");
            assertThat(told).containsExactly("QUEUED", "RUNNING", "SUCCEEDED");
            assertThat(server.asked()).containsExactly("GET /api/v1/jobs/1/events");
        }
    }

    @Test
    void aStreamThatIsCutIsTakenUpAgain() throws Exception {
        AtomicInteger streams = new AtomicInteger();
        try (FakeAppliance server = FakeAppliance.start(exchange -> {
            if (!exchange.getRequestURI().getPath().endsWith("/events")) {
                FakeAppliance.json(exchange, 200, job("RUNNING"));
            } else if (streams.incrementAndGet() < 3) {
                FakeAppliance.events(exchange, job("RUNNING"));
            } else {
                FakeAppliance.events(exchange, job("FAILED"));
            }
        })) {
            assertThat(server.client().watch("1", this::listen).text("state")).isEqualTo("FAILED");
            assertThat(streams).hasValue(3);
        }
    }

    @Test
    void whereNoStreamGetsThroughTheJobIsAskedFor() throws Exception {
        AtomicInteger asked = new AtomicInteger();
        try (FakeAppliance server = FakeAppliance.start(exchange -> {
            if (exchange.getRequestURI().getPath().endsWith("/events")) {
                FakeAppliance.events(exchange);
            } else {
                FakeAppliance.json(exchange, 200, job(asked.incrementAndGet() > 5 ? "SUCCEEDED" : "RUNNING"));
            }
        })) {
            assertThat(server.client().watch("1", this::listen).text("state")).isEqualTo("SUCCEEDED");
            assertThat(server.asked().stream().filter(line -> line.endsWith("/events")))
                    .hasSizeLessThan(5);
        }
    }

    @Test
    void aSilentStreamIsGivenUp() throws Exception {
        AtomicInteger streams = new AtomicInteger();
        try (FakeAppliance server = FakeAppliance.start(exchange -> {
            if (streams.incrementAndGet() == 1) {
                FakeAppliance.events(exchange, job("RUNNING"));
                try {
                    Thread.sleep(2_000);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            } else {
                FakeAppliance.events(exchange, job("SUCCEEDED"));
            }
        })) {
            assertThat(server.client(FakeAppliance.impatient())
                            .watch("1", this::listen)
                            .text("state"))
                    .isEqualTo("SUCCEEDED");
        }
    }

    @Test
    void anApplianceThatIsStartedAnewIsFoundAgain() throws Exception {
        try (FakeAppliance old = FakeAppliance.start(exchange -> FakeAppliance.json(
                        exchange, 401, "{\"code\":\"not-authenticated\",\"detail\":\"another token\"}"));
                FakeAppliance fresh =
                        FakeAppliance.start(exchange -> FakeAppliance.events(exchange, job("SUCCEEDED")))) {
            AtomicReference<String> url = new AtomicReference<>(old.url());
            ApplianceClient client = new ApplianceClient(() -> {
                String now = url.getAndSet(fresh.url());
                return new Endpoint(now, "tdm_test", null, null, true);
            });
            assertThat(client.watch("1", this::listen).text("state")).isEqualTo("SUCCEEDED");
            assertThat(old.asked()).isNotEmpty();
        }
    }

    @Test
    void aJobThatIsNotThere() throws Exception {
        try (FakeAppliance server = FakeAppliance.start(exchange ->
                FakeAppliance.json(exchange, 404, "{\"code\":\"not-found\",\"detail\":\"there is no job '1'\"}"))) {
            ApplianceException failure = catchThrowableOfType(
                    ApplianceException.class, () -> server.client().watch("1", this::listen));
            assertThat(failure.kind()).isEqualTo(FailureKind.NOT_FOUND);
        }
    }
}
