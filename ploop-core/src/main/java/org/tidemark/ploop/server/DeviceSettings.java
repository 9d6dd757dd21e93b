package org.tidemark.ploop.server;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.tidemark.ploop.device.front.FullDisk;
import org.tidemark.ploop.device.front.IoLimit;

/**
 * What can be set of a device while it is attached, and is kept with the options of its request: {@code onFull} ({@code wait}
 * or {@code error}), {@code iops}, {@code bytesPerSecond} (0: no limit) and {@code burstMillis}.
 */
record DeviceSettings(FullDisk onFull, IoLimit limit) {
    private static final String ON_FULL = "onFull";
    private static final String IOPS = "iops";
    private static final String BYTES = "bytesPerSecond";
    private static final String BURST = "burstMillis";

    /** Of a device whose request says nothing. */
    private static final DeviceSettings USUAL = new DeviceSettings(FullDisk.WAIT, IoLimit.NONE);

    static DeviceSettings of(Fields options) throws ControlException {
        return USUAL.with(options);
    }

    /** These settings where {@code fields} names no other. */
    DeviceSettings with(Fields fields) throws ControlException {
        try {
            return new DeviceSettings(
                    fullDisk(fields.text(ON_FULL, onFull.name())),
                    new IoLimit(
                            fields.number(IOPS, limit.requestsPerSecond()),
                            fields.number(BYTES, limit.bytesPerSecond()),
                            fields.number(BURST, limit.burstMillis())));
        } catch (IllegalArgumentException e) {
            throw new ControlException(ControlException.Kind.USAGE, String.valueOf(e.getMessage()), e);
        }
    }

    private static FullDisk fullDisk(String word) {
        for (FullDisk one : FullDisk.values()) {
            if (one.name().equalsIgnoreCase(word)) {
                return one;
            }
        }
        throw new IllegalArgumentException("'" + ON_FULL + "' is wait or error, not '" + word + "'");
    }

    /** Options of a request with these settings in them. */
    Fields into(Fields options) {
        Map<String, Object> values = new LinkedHashMap<>(options.values());
        values.putAll(toFields().values());
        return new Fields(values);
    }

    Fields toFields() {
        return Fields.of(
                ON_FULL, onFull.name().toLowerCase(Locale.ROOT),
                IOPS, limit.requestsPerSecond(),
                BYTES, limit.bytesPerSecond(),
                BURST, limit.burstMillis());
    }
}
