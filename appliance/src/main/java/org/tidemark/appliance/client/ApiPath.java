package org.tidemark.appliance.client;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** Addresses below {@code /api/v1}, with names encoded. */
public final class ApiPath {
    private ApiPath() {}

    /** Of its parts, for instance {@code containers}, a name, {@code points}. */
    public static String of(String... parts) {
        StringBuilder path = new StringBuilder();
        for (String part : parts) {
            path.append('/').append(encode(part));
        }
        return path.toString();
    }

    /** Adds what is asked: name, value, name, value...; a null value leaves its name out. */
    public static String query(String path, @Nullable String... namesAndValues) {
        StringBuilder whole = new StringBuilder(path);
        char join = path.indexOf('?') < 0 ? '?' : '&';
        for (int i = 0; i + 1 < namesAndValues.length; i += 2) {
            String name = namesAndValues[i];
            String value = namesAndValues[i + 1];
            if (name != null && value != null) {
                whole.append(join).append(name).append('=').append(encode(value));
                join = '&';
            }
        }
        return whole.toString();
    }

    private static String encode(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }
}
