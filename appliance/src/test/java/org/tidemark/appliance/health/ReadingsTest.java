package org.tidemark.appliance.health;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class ReadingsTest {
    private static final Tags A = Tags.of("device", "a");
    private static final Tags B = Tags.of("device", "b");

    private final MeterRegistry registry = new SimpleMeterRegistry();
    private final Readings readings = new Readings(registry, "n", "some number");

    private double of(Tags tags) {
        return registry.get("n").tags(tags).gauge().value();
    }

    @Test
    void whatStaysIsNeverAway() {
        List<Meter> gone = new ArrayList<>();
        registry.config().onMeterRemoved(gone::add);
        readings.set(Map.of(A, 1, B, 2));
        Gauge first = registry.get("n").tags(A).gauge();
        readings.set(Map.of(A, 3.5, B, 4L));
        assertThat(gone).isEmpty();
        assertThat(first.value()).isEqualTo(3.5);
        assertThat(of(B)).isEqualTo(4);
    }

    @Test
    void whatIsGoneIsGoneAndMayComeBack() {
        readings.set(Map.of(A, 1, B, 2));
        readings.set(Map.of(A, 5));
        assertThat(registry.find("n").tags(B).gauge()).isNull();
        assertThat(of(A)).isEqualTo(5);
        readings.set(Map.of(A, 6, B, 7));
        assertThat(of(B)).isEqualTo(7);
    }
}
