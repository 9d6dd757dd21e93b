package org.tidemark.appliance.client;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A JSON object that the appliance answered with. What is missing reads as empty: an older appliance knows fewer fields.
 *
 * @param fields in the order they came
 */
public record Answer(Map<String, @Nullable Object> fields) {
    /** An object without fields. */
    public static final Answer EMPTY = new Answer(Map.of());

    public boolean has(String name) {
        return fields.get(name) != null;
    }

    public @Nullable Object value(String name) {
        return fields.get(name);
    }

    /** Text of a field, also of a number; empty when there is none. */
    public String text(String name) {
        Object value = fields.get(name);
        return value == null ? "" : value.toString();
    }

    public @Nullable String textOrNull(String name) {
        Object value = fields.get(name);
        return value == null ? null : value.toString();
    }

    public long number(String name) {
        return fields.get(name) instanceof Number number ? number.longValue() : 0;
    }

    public double fraction(String name) {
        return fields.get(name) instanceof Number number ? number.doubleValue() : 0;
    }

    public boolean flag(String name) {
        return Boolean.TRUE.equals(fields.get(name));
    }

    public Answer object(String name) {
        return of(fields.get(name));
    }

    public List<Answer> objects(String name) {
        List<Answer> found = new ArrayList<>();
        if (fields.get(name) instanceof List<?> list) {
            list.forEach(one -> found.add(of(one)));
        }
        return found;
    }

    public List<String> texts(String name) {
        List<String> found = new ArrayList<>();
        if (fields.get(name) instanceof List<?> list) {
            list.forEach(one -> found.add(String.valueOf(one)));
        }
        return found;
    }

    /** Of anything that was parsed; empty unless it is an object. */
    static Answer of(@Nullable Object parsed) {
        if (!(parsed instanceof Map<?, ?> map)) {
            return EMPTY;
        }
        Map<String, @Nullable Object> fields = new LinkedHashMap<>();
        map.forEach((name, value) -> fields.put(String.valueOf(name), value));
        return new Answer(fields);
    }
}
