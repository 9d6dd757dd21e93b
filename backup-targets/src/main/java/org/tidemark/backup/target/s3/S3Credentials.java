package org.tidemark.backup.target.s3;

import java.nio.file.Path;
import java.util.Optional;

/** Where keys come from. No {@code toString} here shows a secret. */
public sealed interface S3Credentials {
    /** Kept by whoever makes the settings. */
    record Given(String accessKey, String secretKey, Optional<String> sessionToken) implements S3Credentials {
        public Given {
            if (accessKey.isBlank() || secretKey.isBlank()) {
                throw new IllegalArgumentException("an access key and a secret key are needed");
            }
        }

        @Override
        public String toString() {
            return "access key " + accessKey;
        }
    }

    /** The SDK's own chain: environment, system properties, web identity, container, instance. */
    record Environment() implements S3Credentials {
        @Override
        public String toString() {
            return "keys of the environment";
        }
    }

    /** A file as the AWS tools write it. Read again when it changes, so keys may be rotated under a running appliance. */
    record FromFile(Path file, String profile) implements S3Credentials {
        @Override
        public String toString() {
            return "profile " + profile + " of " + file;
        }
    }
}
