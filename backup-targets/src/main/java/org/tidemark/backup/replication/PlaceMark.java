package org.tidemark.backup.replication;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.random.RandomGenerator;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.ByteRange;
import org.tidemark.backup.target.TargetException;

/**
 * A blob that tells two places with the same repository from one place with two addresses. It is put once, never read by
 * anything else, and not copied to replicas.
 */
public final class PlaceMark {
    public static final String KEY = "place/id";
    private static final int ID_BYTES = 16;

    private PlaceMark() {}

    /**
     * Whether what is put to {@code place} is seen at {@code other}. {@code place} gets its mark if it has none.
     *
     * @return true also for a place whose blobs were copied from the other one by something else, mark and all
     */
    public static boolean isSamePlace(BackupTarget place, BackupTarget other, RandomGenerator random)
            throws TargetException {
        byte[] id = new byte[ID_BYTES];
        random.nextBytes(id);
        String fresh = HexFormat.of().formatHex(id);
        try {
            place.putIfAbsent(KEY, List.of(ByteBuffer.wrap(fresh.getBytes(StandardCharsets.US_ASCII))));
        } catch (TargetException e) {
            if (e.kind() != TargetException.Kind.CONFLICT) {
                throw e;
            }
        }
        return read(place).equals(read(other));
    }

    private static Optional<String> read(BackupTarget target) throws TargetException {
        ByteBuffer room = ByteBuffer.allocate(2 * ID_BYTES);
        try {
            target.get(KEY, ByteRange.head(room.capacity()), room);
            return Optional.of(StandardCharsets.US_ASCII.decode(room.flip()).toString());
        } catch (TargetException e) {
            if (e.kind() == TargetException.Kind.NOT_FOUND) {
                return Optional.empty();
            }
            throw e;
        }
    }
}
