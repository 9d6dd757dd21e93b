package org.tidemark.backup.repository;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;
import org.tidemark.backup.repository.RepositoryException.Kind;
import org.tidemark.backup.repository.chunk.ChunkGeometry;
import org.tidemark.backup.repository.pack.PackId;

/** The write-once {@code format.json}: docs/format/repository.md section 3. */
record RepositoryFormat(PackId repositoryId, String createdAt) {
    static final String KEY = "format.json";
    static final int MAX_BYTES = 64 << 10;
    private static final String MAGIC = "tidemark-repository";
    private static final int VERSION = 1;

    RepositoryFormat(PackId repositoryId, Instant createdAt) {
        this(repositoryId, createdAt.toString());
    }

    byte[] encode() throws IOException {
        Map<String, Object> members = members();
        members.put("checksum", checksum(members));
        return JSON.std.with(JSON.Feature.PRETTY_PRINT_OUTPUT).asBytes(members);
    }

    private Map<String, Object> members() {
        Map<String, Object> crypto = new LinkedHashMap<>();
        crypto.put("algorithm", "none");
        crypto.put("keySlots", List.of());
        Map<String, Object> members = new LinkedHashMap<>();
        members.put("magic", MAGIC);
        members.put("version", VERSION);
        members.put("repositoryId", repositoryId.toString());
        members.put("createdAt", createdAt);
        members.put("chunkBytes", ChunkGeometry.CHUNK_BYTES);
        members.put("subChunkBytes", ChunkGeometry.SUB_CHUNK_BYTES);
        members.put("idAlgorithm", "sha-256");
        members.put("incompatFeatures", List.of());
        members.put("compatFeatures", List.of());
        members.put("crypto", crypto);
        return members;
    }

    static RepositoryFormat decode(String where, byte[] json) throws RepositoryException {
        Map<String, Object> found;
        try {
            found = JSON.std.mapFrom(json);
        } catch (IOException e) {
            throw RepositoryException.damaged(KEY + " on " + where + " is damaged: " + firstLine(e), e);
        }
        if (!MAGIC.equals(found.get("magic"))) {
            throw RepositoryException.damaged(
                    KEY + " on " + where + " is not that of a Tidemark repository, or is damaged");
        }
        if (!checksum(found).equals(found.get("checksum"))) {
            throw RepositoryException.damaged(KEY + " on " + where + " is damaged: wrong checksum");
        }
        RepositoryFormat format;
        try {
            format = new RepositoryFormat(
                    PackId.parse(String.valueOf(found.get("repositoryId"))), String.valueOf(found.get("createdAt")));
        } catch (IllegalArgumentException e) {
            throw RepositoryException.damaged(KEY + " on " + where + " has no repository id", e);
        }
        for (Map.Entry<String, Object> known : format.members().entrySet()) {
            Object value = found.get(known.getKey());
            if (!known.getKey().equals("compatFeatures") && !Objects.equals(value, known.getValue())) {
                throw RepositoryException.unsupported("the repository on " + where + " has " + known.getKey() + " = "
                        + value + "; this version knows only " + known.getValue() + ". Use a newer version");
            }
        }
        return format;
    }

    /** Refuses a repository that is not the expected one. */
    void expect(String where, String expectedId) throws RepositoryException {
        if (!repositoryId.toString().equals(expectedId)) {
            throw new RepositoryException(
                    Kind.OTHER_REPOSITORY,
                    where + " holds repository " + repositoryId + ", expected was " + expectedId
                            + "; nothing was changed. Check what is mounted or configured there");
        }
    }

    private static String checksum(Map<String, Object> members) {
        StringBuilder lines = new StringBuilder();
        for (String name : List.of(
                "magic",
                "version",
                "repositoryId",
                "createdAt",
                "chunkBytes",
                "subChunkBytes",
                "idAlgorithm",
                "incompatFeatures",
                "compatFeatures",
                "crypto")) {
            lines.append(name).append('=').append(canonical(members.get(name))).append('\n');
        }
        CRC32C crc = new CRC32C();
        crc.update(lines.toString().getBytes(StandardCharsets.UTF_8));
        return String.format(Locale.ROOT, "%08x", crc.getValue());
    }

    private static String canonical(@Nullable Object value) {
        if (value instanceof List<?> list) {
            return String.join(",", list.stream().map(String::valueOf).toList());
        }
        if (value instanceof Map<?, ?> crypto) {
            Object slots = crypto.get("keySlots");
            return crypto.get("algorithm") + "/" + (slots instanceof List<?> list ? list.size() : -1);
        }
        return String.valueOf(value);
    }

    private static String firstLine(IOException e) {
        return String.valueOf(e.getMessage()).lines().findFirst().orElse("not JSON");
    }
}
