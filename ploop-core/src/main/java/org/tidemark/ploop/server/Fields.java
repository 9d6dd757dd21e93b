package org.tidemark.ploop.server;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A JSON object with typed access. What is missing or of the wrong kind is a {@link ControlException} of kind USAGE that
 * names the field; fields that nobody asks for are ignored.
 */
public record Fields(Map<String, Object> values) {
    /** No fields. */
    public static final Fields NONE = new Fields(Map.of());

    public static Fields parse(String json) throws ControlException {
        try {
            Map<String, Object> values = JSON.std.mapFrom(json);
            return new Fields(values);
        } catch (IOException | RuntimeException e) {
            throw new ControlException(ControlException.Kind.USAGE, "not a JSON object", e);
        }
    }

    /** Name, value, name, value...; a value that is null is left out. */
    public static Fields of(@Nullable Object... namesAndValues) {
        Map<String, Object> values = new LinkedHashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            Object name = namesAndValues[i];
            Object value = namesAndValues[i + 1];
            if (name != null && value != null) {
                values.put(name.toString(), value);
            }
        }
        return new Fields(values);
    }

    public String toJson() throws IOException {
        return JSON.std.asString(values);
    }

    public String text(String name) throws ControlException {
        if (values.get(name) instanceof String text) {
            return text;
        }
        throw wrong(name, "a text");
    }

    public String text(String name, String otherwise) throws ControlException {
        return values.get(name) == null ? otherwise : text(name);
    }

    public long number(String name) throws ControlException {
        if (values.get(name) instanceof Number number) {
            return number.longValue();
        }
        throw wrong(name, "a number");
    }

    public long number(String name, long otherwise) throws ControlException {
        return values.get(name) == null ? otherwise : number(name);
    }

    public boolean flag(String name) throws ControlException {
        Object value = values.get(name);
        if (value == null || value instanceof Boolean) {
            return Boolean.TRUE.equals(value);
        }
        throw wrong(name, "true or false");
    }

    /** The object called {@code name}; one without fields when it is missing. */
    public Fields object(String name) throws ControlException {
        Object value = values.get(name);
        if (value == null) {
            return NONE;
        }
        if (value instanceof Map<?, ?> map) {
            Map<String, Object> inner = new LinkedHashMap<>();
            map.forEach((key, one) -> inner.put(String.valueOf(key), one));
            return new Fields(inner);
        }
        throw wrong(name, "an object");
    }

    /** The objects in the list called {@code name}; none when it is missing. */
    public List<Fields> objects(String name) throws ControlException {
        Object value = values.get(name);
        if (value == null) {
            return List.of();
        }
        if (!(value instanceof List<?> list)) {
            throw wrong(name, "a list of objects");
        }
        List<Fields> objects = new java.util.ArrayList<>();
        for (Object one : list) {
            objects.add(of("one", one).object("one"));
        }
        return objects;
    }

    /** The texts in the list called {@code name}; none when it is missing. */
    public List<String> texts(String name) throws ControlException {
        Object value = values.get(name);
        if (value == null) {
            return List.of();
        }
        if (value instanceof List<?> list && list.stream().allMatch(String.class::isInstance)) {
            return list.stream().map(String.class::cast).toList();
        }
        throw wrong(name, "a list of texts");
    }

    private static ControlException wrong(String name, String wanted) {
        return new ControlException(ControlException.Kind.USAGE, "field '" + name + "' must be " + wanted);
    }
}
