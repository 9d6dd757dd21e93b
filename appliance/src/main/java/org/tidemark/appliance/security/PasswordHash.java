package org.tidemark.appliance.security;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Base64;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bouncycastle.crypto.generators.Argon2BytesGenerator;
import org.bouncycastle.crypto.params.Argon2Parameters;

/**
 * Argon2id in the usual text form, {@code $argon2id$v=19$m=65536,t=3,p=1$salt$hash}: the cost stands in it, so that it can change
 * while older hashes stay good.
 */
final class PasswordHash {
    /** What new hashes cost. */
    static final Cost USUAL = new Cost(64 * 1024, 3, 1);

    private static final int SALT_BYTES = 16;
    private static final int HASH_BYTES = 32;
    private static final Pattern FORM = Pattern.compile(
            "\\$argon2id\\$v=19\\$m=(\\d{1,7}),t=(\\d{1,2}),p=(\\d{1,2})\\$([A-Za-z0-9+/]+)\\$([A-Za-z0-9+/]+)");

    private PasswordHash() {}

    /** What a guess costs. */
    record Cost(int kibibytes, int passes, int lanes) {}

    static String of(String password, Cost cost, SecureRandom random) {
        byte[] salt = new byte[SALT_BYTES];
        random.nextBytes(salt);
        byte[] hash = argon2id(password, salt, cost, HASH_BYTES);
        Base64.Encoder base64 = Base64.getEncoder().withoutPadding();
        return "$argon2id$v=19$m=" + cost.kibibytes() + ",t=" + cost.passes() + ",p=" + cost.lanes() + "$"
                + base64.encodeToString(salt) + "$" + base64.encodeToString(hash);
    }

    /** Whether this password made that hash. */
    static boolean matches(String password, String hash) {
        Matcher form = FORM.matcher(hash);
        if (!form.matches()) {
            throw new IllegalStateException("the catalogue holds a password hash of an unknown form");
        }
        Cost cost = cost(form);
        byte[] wanted = Base64.getDecoder().decode(form.group(5));
        byte[] got = argon2id(password, Base64.getDecoder().decode(form.group(4)), cost, wanted.length);
        return MessageDigest.isEqual(wanted, got);
    }

    /** Whether it was made at another cost and should be made again when the password is known. */
    static boolean isOutdated(String hash) {
        Matcher form = FORM.matcher(hash);
        return !form.matches() || !cost(form).equals(USUAL);
    }

    private static Cost cost(Matcher form) {
        return new Cost(
                Integer.parseInt(form.group(1)), Integer.parseInt(form.group(2)), Integer.parseInt(form.group(3)));
    }

    private static byte[] argon2id(String password, byte[] salt, Cost cost, int length) {
        byte[] words = password.getBytes(StandardCharsets.UTF_8);
        Argon2BytesGenerator generator = new Argon2BytesGenerator();
        generator.init(new Argon2Parameters.Builder(Argon2Parameters.ARGON2_id)
                .withVersion(Argon2Parameters.ARGON2_VERSION_13)
                .withMemoryAsKB(cost.kibibytes())
                .withIterations(cost.passes())
                .withParallelism(cost.lanes())
                .withSalt(salt)
                .build());
        byte[] hash = new byte[length];
        generator.generateBytes(words, hash);
        Arrays.fill(words, (byte) 0);
        return hash;
    }
}
