package org.tidemark.appliance.security;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.Base64;
import javax.crypto.Cipher;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.config.PrivateFile;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;

/**
 * Keeps secrets of others, such as those of object stores, unreadable in the catalogue: AES-256-GCM under the key in {@code
 * secret.key} of the state folder. A copy of the catalogue without that file tells nothing.
 */
public final class SecretBox {
    private static final String FORM = "v1:";
    private static final int KEY_BYTES = 32;
    private static final int NONCE_BYTES = 12;
    private static final int TAG_BITS = 128;

    private final Path keyFile;
    private final SecretKeySpec key;
    private final SecureRandom random;

    private SecretBox(Path keyFile, byte[] key, SecureRandom random) {
        this.keyFile = keyFile;
        this.key = new SecretKeySpec(key, "AES");
        this.random = random;
    }

    /** Opens the box of a state folder; the key is made when there is none. */
    public static SecretBox of(Path stateFolder, SecureRandom random) throws IOException {
        Path file = stateFolder.resolve("secret.key");
        byte[] key = new byte[KEY_BYTES];
        try {
            byte[] found = Base64.getDecoder().decode(Files.readString(file).strip());
            if (found.length != KEY_BYTES) {
                throw damaged(file, null);
            }
            key = found;
        } catch (IllegalArgumentException e) {
            throw damaged(file, e);
        } catch (NoSuchFileException e) {
            random.nextBytes(key);
            PrivateFile.write(file, Base64.getEncoder().encodeToString(key) + "\n");
        }
        return new SecretBox(file, key, random);
    }

    /** Text for the catalogue; differs each time. */
    public String seal(String plain) {
        byte[] nonce = new byte[NONCE_BYTES];
        random.nextBytes(nonce);
        try {
            byte[] sealed = cipher(Cipher.ENCRYPT_MODE, nonce).doFinal(plain.getBytes(StandardCharsets.UTF_8));
            byte[] all = ByteBuffer.allocate(nonce.length + sealed.length)
                    .put(nonce)
                    .put(sealed)
                    .array();
            return FORM + Base64.getEncoder().encodeToString(all);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    /** What was sealed. Damage, and the key of another appliance, are told. */
    public String open(String sealed) throws ApplianceException {
        try {
            if (!sealed.startsWith(FORM)) {
                throw new IllegalArgumentException("unknown form");
            }
            byte[] all = Base64.getDecoder().decode(sealed.substring(FORM.length()));
            // The decoder overlooks the unused bits of the last character.
            if (!sealed.equals(FORM + Base64.getEncoder().encodeToString(all))) {
                throw new IllegalArgumentException("not as it was written");
            }
            if (all.length < NONCE_BYTES) {
                throw new IllegalArgumentException("too short");
            }
            byte[] nonce =
                    ByteBuffer.allocate(NONCE_BYTES).put(all, 0, NONCE_BYTES).array();
            byte[] plain = cipher(Cipher.DECRYPT_MODE, nonce).doFinal(all, NONCE_BYTES, all.length - NONCE_BYTES);
            return new String(plain, StandardCharsets.UTF_8);
        } catch (GeneralSecurityException | IllegalArgumentException e) {
            throw new ApplianceException(
                    FailureKind.DAMAGED,
                    "a secret of the catalogue cannot be opened with " + keyFile
                            + "; bring back that file as it was when the secret was stored, or enter the secret again",
                    e);
        }
    }

    private Cipher cipher(int mode, byte[] nonce) throws GeneralSecurityException {
        Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
        cipher.init(mode, key, new GCMParameterSpec(TAG_BITS, nonce));
        return cipher;
    }

    private static ApplianceException damaged(Path file, @Nullable Throwable cause) {
        return new ApplianceException(
                FailureKind.DAMAGED,
                file
                        + " holds no key; bring it back from a copy, or delete it and enter the secrets of the targets again",
                cause);
    }
}
