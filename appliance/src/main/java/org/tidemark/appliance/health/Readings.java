package org.tidemark.appliance.health;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.MultiGauge;
import io.micrometer.core.instrument.Tags;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;

/**
 * One gauge for each of several things. A thing that was there before keeps its gauge, which only shows another number: whoever
 * reads the metrics at that moment misses none. One thread at a time.
 */
final class Readings {
    private final MultiGauge gauges;
    private final Map<Tags, AtomicReference<Double>> values = new LinkedHashMap<>();

    Readings(MeterRegistry registry, String name, String description) {
        gauges = MultiGauge.builder(name).description(description).register(registry);
    }

    /** These, and no others. */
    void set(Map<Tags, ? extends Number> now) {
        values.keySet().retainAll(now.keySet());
        now.forEach((tags, value) ->
                values.computeIfAbsent(tags, key -> new AtomicReference<>()).set(value.doubleValue()));
        gauges.register(
                values.entrySet().stream()
                        .map(entry -> MultiGauge.Row.of(entry.getKey(), entry.getValue(), AtomicReference::get))
                        .collect(Collectors.toList()),
                false);
    }
}
