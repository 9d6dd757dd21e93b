package org.tidemark.appliance.persistence;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Where backups go.
 *
 * @param repositoryId the repository that must be there; anything else is refused
 */
public record TargetEntry(String name, Path path, String repositoryId) {
    Map<String, Object> toMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("name", name);
        map.put("kind", "local");
        map.put("path", path.toString());
        map.put("repository", repositoryId);
        return map;
    }

    static TargetEntry of(Map<String, Object> map) {
        return new TargetEntry(
                String.valueOf(map.get("name")),
                Path.of(String.valueOf(map.get("path"))),
                String.valueOf(map.get("repository")));
    }
}
