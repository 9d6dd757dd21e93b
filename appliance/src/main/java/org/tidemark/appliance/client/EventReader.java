package org.tidemark.appliance.client;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** Server-sent events: names and data, comments left out. */
final class EventReader {
    private static final int MAX_DATA = 4 << 20;

    private final BufferedReader lines;

    EventReader(InputStream in) {
        this.lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
    }

    /** One event. */
    record Event(String name, String data) {}

    /** Waits for the next one; null at the end of the stream. An event that is cut off by the end is none. */
    @Nullable
    Event next() throws IOException {
        String name = "message";
        StringBuilder data = new StringBuilder();
        boolean some = false;
        String line = lines.readLine();
        while (line != null) {
            if (line.isEmpty()) {
                if (some) {
                    return new Event(name, data.toString());
                }
                name = "message";
            } else if (line.startsWith("event:")) {
                name = value(line);
            } else if (line.startsWith("data:")) {
                data.append(some ? "\n" : "").append(value(line));
                some = true;
                if (data.length() > MAX_DATA) {
                    throw new IOException("an event is larger than " + (MAX_DATA >> 20) + " MiB");
                }
            }
            line = lines.readLine();
        }
        return null;
    }

    private static String value(String line) {
        String rest = line.substring(line.indexOf(':') + 1);
        return rest.startsWith(" ") ? rest.substring(1) : rest;
    }
}
