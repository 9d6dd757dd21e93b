package org.tidemark.appliance.rest.v1;

import com.fasterxml.jackson.annotation.JsonInclude;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotEmpty;
import jakarta.validation.constraints.Size;
import java.util.LinkedHashMap;
import java.util.Map;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.persistence.TargetEntry;

/**
 * A bucket of an S3 store.
 *
 * @param endpoint null for AWS
 * @param prefix where in the bucket; null for its root
 * @param caCertificate PEM, when the store's certificate is signed by an authority of one's own
 */
@Schema(name = "S3Settings")
@JsonInclude(JsonInclude.Include.NON_NULL)
public record S3Settings(
        @Nullable @Size(max = 1000) String endpoint,
        @Nullable @Size(max = 100) String region,
        @NotEmpty @Size(max = 255) String bucket,
        @Nullable @Size(max = 200) String prefix,
        @Nullable Boolean pathStyle,
        @Nullable ChecksumMode checksumMode,
        @Nullable @Size(max = 100_000) String caCertificate,
        @Nullable @Valid Credentials credentials) {

    /** Whether requests carry checksums that not every store understands. */
    public enum ChecksumMode {
        WHEN_SUPPORTED,
        WHEN_REQUIRED
    }

    /** Where the keys come from. */
    public enum CredentialSource {
        CATALOGUE,
        ENVIRONMENT,
        FILE
    }

    /** Keys, or where they are. The secret ones are never given out. */
    @Schema(name = "S3Credentials")
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record Credentials(
            @Nullable CredentialSource source,
            @Nullable @Size(max = 300) String accessKey,
            @Nullable @Size(max = 1000) String secretKey,
            @Nullable @Size(max = 10_000) String sessionToken,
            @Nullable String file,
            @Nullable String profile) {}

    /** As the catalogue keeps it, without the secrets. */
    Map<String, Object> toSettings() {
        Map<String, Object> map = new LinkedHashMap<>();
        put(map, "endpoint", endpoint);
        put(map, "region", region);
        put(map, "bucket", bucket);
        put(map, "prefix", prefix);
        put(map, "pathStyle", pathStyle);
        put(map, "checksumMode", checksumMode == null ? null : checksumMode.name());
        put(map, "caCertificate", caCertificate);
        if (credentials != null) {
            put(map, "source", source().name());
            put(map, "accessKey", credentials.accessKey());
            put(map, "file", credentials.file());
            put(map, "profile", credentials.profile());
        }
        return map;
    }

    private CredentialSource source() {
        if (credentials == null) {
            return CredentialSource.ENVIRONMENT;
        }
        if (credentials.source() != null) {
            return credentials.source();
        }
        return credentials.accessKey() == null ? CredentialSource.ENVIRONMENT : CredentialSource.CATALOGUE;
    }

    static S3Settings shown(TargetEntry entry) {
        String source = entry.setting("source");
        return new S3Settings(
                textOrNull(entry, "endpoint"),
                textOrNull(entry, "region"),
                entry.setting("bucket"),
                textOrNull(entry, "prefix"),
                entry.setting("pathStyle").equals("true"),
                entry.setting("checksumMode").isEmpty() ? null : ChecksumMode.valueOf(entry.setting("checksumMode")),
                textOrNull(entry, "caCertificate"),
                new Credentials(
                        source.isEmpty() ? CredentialSource.ENVIRONMENT : CredentialSource.valueOf(source),
                        textOrNull(entry, "accessKey"),
                        null,
                        null,
                        textOrNull(entry, "file"),
                        textOrNull(entry, "profile")));
    }

    private static @Nullable String textOrNull(TargetEntry entry, String name) {
        String text = entry.setting(name);
        return text.isEmpty() ? null : text;
    }

    private static void put(Map<String, Object> map, String name, @Nullable Object value) {
        if (value != null) {
            map.put(name, value);
        }
    }
}
