package org.tidemark.backup.repository.pack;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;
import java.util.Optional;
import java.util.random.RandomGenerator;

/** 128 random bits that name a pack. */
public record PackId(long high, long low) {
    public static final int BYTES = 16;

    public static PackId random(RandomGenerator random) {
        return new PackId(random.nextLong(), random.nextLong());
    }

    public static PackId get(ByteBuffer src) {
        ByteBuffer bytes = src.duplicate().order(ByteOrder.BIG_ENDIAN);
        src.position(src.position() + BYTES);
        return new PackId(bytes.getLong(), bytes.getLong());
    }

    public void put(ByteBuffer dst) {
        ByteBuffer bytes = dst.duplicate().order(ByteOrder.BIG_ENDIAN);
        bytes.putLong(high).putLong(low);
        dst.position(dst.position() + BYTES);
    }

    /** Reads 32 hex digits. */
    public static PackId parse(String hex) {
        if (hex.length() != 2 * BYTES) {
            throw new IllegalArgumentException("a pack id has 32 hex digits, not " + hex.length());
        }
        return get(ByteBuffer.wrap(HexFormat.of().parseHex(hex)));
    }

    /** Where the pack lies on the target. */
    public String key() {
        String hex = toString();
        return "pack/" + hex.substring(0, 2) + "/" + hex + ".pk";
    }

    /** The pack that lies at {@code key}; empty when that is no place for a pack. */
    public static Optional<PackId> ofKey(String key) {
        try {
            PackId pack = parse(key.substring(key.lastIndexOf('/') + 1, key.length() - ".pk".length()));
            return pack.key().equals(key) ? Optional.of(pack) : Optional.empty();
        } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
            return Optional.empty();
        }
    }

    @Override
    public String toString() {
        return HexFormat.of().toHexDigits(high) + HexFormat.of().toHexDigits(low);
    }
}
