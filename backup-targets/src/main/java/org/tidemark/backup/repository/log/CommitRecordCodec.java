package org.tidemark.backup.repository.log;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tidemark.backup.repository.RepositoryException;
import org.tidemark.backup.repository.chunk.ChunkId;
import org.tidemark.backup.repository.map.MapRef;
import org.tidemark.backup.repository.pack.PackId;
import org.tidemark.backup.repository.pack.SegmentRef;

/** Records as bytes: docs/format/repository.md section 6. */
final class CommitRecordCodec {
    static final int MAX_RECORD_BYTES = CommitRecordFrame.HEADER_BYTES + CommitRecordFrame.MAX_BODY_BYTES;
    static final int MAX_IMAGES = 64;

    private CommitRecordCodec() {}

    static ByteBuffer encode(RecoveryPoint point) throws IOException {
        Map<String, Object> body = new LinkedHashMap<>();
        body.put("repositoryId", point.repositoryId());
        body.put("containerId", point.containerId());
        body.put("sequence", point.sequence());
        body.put("pointId", point.pointId());
        body.put("nonce", point.nonce());
        point.parentPointId().ifPresent(parent -> body.put("parent", parent));
        body.put("instant", point.instant().toString());
        body.put("committedAt", point.committedAt().toString());
        body.put("grade", point.grade().name().toLowerCase(Locale.ROOT));
        body.put("freezeMillis", point.freezeMillis());
        body.put("definition", point.definition());
        body.put("images", point.images().stream().map(CommitRecordCodec::image).toList());
        PointCounters counters = point.counters();
        Map<String, Object> numbers = new LinkedHashMap<>();
        numbers.put("chunksRead", counters.chunksRead());
        numbers.put("chunksChanged", counters.chunksChanged());
        numbers.put("chunksShipped", counters.chunksShipped());
        numbers.put("bytesRead", counters.bytesRead());
        numbers.put("bytesShipped", counters.bytesShipped());
        numbers.put("bytesStored", counters.bytesStored());
        numbers.put("packs", counters.packs());
        body.put("counters", numbers);
        byte[] json = JSON.std.asBytes(body);
        if (json.length > CommitRecordFrame.MAX_BODY_BYTES || point.images().size() > MAX_IMAGES) {
            throw new IllegalArgumentException("the record of container " + point.containerId() + " would have "
                    + json.length + " bytes and " + point.images().size() + " images; the limits are "
                    + CommitRecordFrame.MAX_BODY_BYTES + " and " + MAX_IMAGES);
        }
        return CommitRecordFrame.frame(json);
    }

    private static Map<String, Object> image(PointImage image) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("imageId", image.imageId());
        map.put("sizeBytes", image.sizeBytes());
        SegmentRef place = image.root().segment();
        Map<String, Object> root = new LinkedHashMap<>();
        root.put("pack", place.pack().toString());
        root.put("offset", place.offsetBytes());
        root.put("length", place.lengthBytes());
        root.put("sha256", image.root().id().toString());
        map.put("root", root);
        map.put("mode", image.incremental() ? "incremental" : "full");
        image.fullReason().ifPresent(reason -> map.put("fullReason", reason));
        image.checkpoint().ifPresent(checkpoint -> {
            map.put("cbtId", checkpoint.cbtId());
            map.put("cbtGeneration", checkpoint.generation());
        });
        return map;
    }

    static RecoveryPoint decode(String key, byte[] bytes) throws RepositoryException {
        byte[] json = CommitRecordFrame.body(key, bytes);
        try {
            Map<String, Object> body = JSON.std.mapFrom(json);
            List<PointImage> images = new ArrayList<>();
            for (Object image : list(body, "images")) {
                images.add(image(map(image, "images")));
            }
            if (images.isEmpty() || images.size() > MAX_IMAGES) {
                throw new IllegalArgumentException(images.size() + " images");
            }
            Map<String, Object> numbers = map(body.get("counters"), "counters");
            PointCounters counters = new PointCounters(
                    number(numbers, "chunksRead"),
                    number(numbers, "chunksChanged"),
                    number(numbers, "chunksShipped"),
                    number(numbers, "bytesRead"),
                    number(numbers, "bytesShipped"),
                    number(numbers, "bytesStored"),
                    number(numbers, "packs"));
            return new RecoveryPoint(
                    text(body, "repositoryId"),
                    text(body, "containerId"),
                    number(body, "sequence"),
                    text(body, "pointId"),
                    text(body, "nonce"),
                    body.containsKey("parent") ? Optional.of(text(body, "parent")) : Optional.empty(),
                    Instant.parse(text(body, "instant")),
                    Instant.parse(text(body, "committedAt")),
                    Grade.valueOf(text(body, "grade").toUpperCase(Locale.ROOT)),
                    number(body, "freezeMillis"),
                    map(body.get("definition"), "definition"),
                    List.copyOf(images),
                    counters);
        } catch (IOException | IllegalArgumentException | DateTimeException | ArithmeticException e) {
            throw RepositoryException.damaged("log record " + key + " makes no sense: " + e.getMessage(), e);
        }
    }

    private static PointImage image(Map<String, Object> image) {
        Map<String, Object> root = map(image.get("root"), "root");
        SegmentRef place = new SegmentRef(
                PackId.parse(text(root, "pack")),
                Math.toIntExact(number(root, "offset")),
                Math.toIntExact(number(root, "length")));
        boolean full = text(image, "mode").equals("full");
        return new PointImage(
                text(image, "imageId"),
                number(image, "sizeBytes"),
                new MapRef(place, ChunkId.parse(text(root, "sha256"))),
                full ? Optional.of(text(image, "fullReason")) : Optional.empty(),
                image.containsKey("cbtId")
                        ? Optional.of(new CbtCheckpoint(text(image, "cbtId"), number(image, "cbtGeneration")))
                        : Optional.empty());
    }

    private static String text(Map<String, Object> map, String name) {
        if (map.get(name) instanceof String text) {
            return text;
        }
        throw new IllegalArgumentException("no text '" + name + "'");
    }

    private static long number(Map<String, Object> map, String name) {
        Object value = map.get(name);
        if ((value instanceof Long || value instanceof Integer) && ((Number) value).longValue() >= 0) {
            return ((Number) value).longValue();
        }
        throw new IllegalArgumentException("no number '" + name + "'");
    }

    private static List<?> list(Map<String, Object> map, String name) {
        if (map.get(name) instanceof List<?> list) {
            return list;
        }
        throw new IllegalArgumentException("no list '" + name + "'");
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> map(@Nullable Object value, String name) {
        if (value instanceof Map<?, ?> map) {
            return (Map<String, Object>) map;
        }
        throw new IllegalArgumentException("no object '" + name + "'");
    }
}
