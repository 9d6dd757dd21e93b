package org.tidemark.appliance.cli;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.server.Fields;
import picocli.CommandLine.Option;

/** What can be said of a device when it is attached, and changed while it is. */
final class DeviceOptions {
    /** What a write does that finds no space. */
    enum OnFull {
        wait,
        error
    }

    @Option(
            names = "--on-full",
            paramLabel = "WHAT",
            description = "When the disk below the image is full: writes wait until there is space ('wait', usual), or"
                    + " fail ('error').")
    private @Nullable OnFull onFull;

    @Option(names = "--iops", paramLabel = "N", description = "At most so many reads and writes a second; 0: no limit.")
    private @Nullable Long iops;

    @Option(
            names = "--bandwidth",
            paramLabel = "SIZE",
            description = "At most so many bytes a second, as 50M; 0: no limit.",
            converter = BandwidthConverter.class)
    private @Nullable Long bandwidth;

    @Option(
            names = "--burst",
            paramLabel = "MILLIS",
            description = "After a rest, what the limits allow in so many milliseconds may come at once (usual: 250).")
    private @Nullable Long burstMillis;

    /** A size, or 0. */
    static final class BandwidthConverter implements picocli.CommandLine.ITypeConverter<Long> {
        @Override
        public Long convert(String text) {
            return "0".equals(text.strip()) ? 0L : new Sizes().convert(text);
        }
    }

    /** Only what was given. */
    Fields settings() {
        Map<String, Object> given = new LinkedHashMap<>();
        OnFull full = onFull;
        if (full != null) {
            given.put("onFull", full.name());
        }
        put(given, "iops", iops);
        put(given, "bytesPerSecond", bandwidth);
        put(given, "burstMillis", burstMillis);
        return new Fields(given);
    }

    private static void put(Map<String, Object> given, String name, @Nullable Long value) {
        if (value != null) {
            given.put(name, value);
        }
    }
}
