package org.tidemark.appliance.persistence;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A container to protect.
 *
 * @param name unique on this appliance; also its name in repositories
 * @param images its images, each under an id that stays the same for ever
 */
public record ContainerEntry(String name, List<Image> images) {
    /** One image. */
    public record Image(String id, Path path) {}

    public ContainerEntry {
        images = List.copyOf(images);
    }

    Map<String, Object> toMap() {
        List<Map<String, Object>> list = new ArrayList<>();
        for (Image image : images) {
            Map<String, Object> one = new LinkedHashMap<>();
            one.put("id", image.id());
            one.put("path", image.path().toString());
            list.add(one);
        }
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("name", name);
        map.put("images", list);
        return map;
    }

    static ContainerEntry of(Map<String, Object> map) {
        List<Image> images = new ArrayList<>();
        for (Object one : (List<?>) map.getOrDefault("images", List.of())) {
            Map<?, ?> fields = (Map<?, ?>) one;
            images.add(new Image(String.valueOf(fields.get("id")), Path.of(String.valueOf(fields.get("path")))));
        }
        return new ContainerEntry(String.valueOf(map.get("name")), images);
    }
}
