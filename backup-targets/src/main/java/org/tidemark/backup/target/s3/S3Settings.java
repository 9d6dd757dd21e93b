package org.tidemark.backup.target.s3;

import java.net.URI;
import java.time.Duration;
import java.util.Optional;
import java.util.regex.Pattern;
import org.tidemark.backup.target.BlobKeys;

/**
 * Everything that has to be known of a bucket.
 *
 * @param endpoint {@code http} or {@code https} address; empty for AWS itself
 * @param prefix empty, or folders in the bucket, ending in '/'
 * @param pathStyle bucket in the path instead of in the host name; most stores but AWS want it
 * @param caCertificate PEM, one or more; then only these are trusted. Empty: what the Java runtime trusts
 * @param connectTimeout for a connection to stand, TLS included
 * @param idleTimeout for the next byte of an answer to come
 */
public record S3Settings(
        Optional<URI> endpoint,
        String region,
        String bucket,
        String prefix,
        boolean pathStyle,
        ChecksumMode checksumMode,
        Optional<String> caCertificate,
        S3Credentials credentials,
        Duration connectTimeout,
        Duration idleTimeout,
        int maxConnections,
        Transfer transfer) {
    public static final String DEFAULT_REGION = "us-east-1";
    private static final Pattern BUCKET = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{1,254}");
    private static final Duration LONGEST = Duration.ofMinutes(30);

    /** When the SDK adds checksums of its own to requests. */
    public enum ChecksumMode {
        /** Always; AWS and recent stores. */
        WHEN_SUPPORTED,
        /** Only where the protocol demands it, for stores that refuse checksums they do not know. */
        WHEN_REQUIRED
    }

    /**
     * How content travels.
     *
     * @param multipartBytes blobs larger than this go up in parts
     * @param partBytes size of a part; S3 wants at least 5 MiB
     * @param parallelParts parts under way at once, over all puts
     * @param preferredReadBytes how much one request reads where much is read in a row
     */
    public record Transfer(long multipartBytes, int partBytes, int parallelParts, int preferredReadBytes) {
        public static final int MIN_PART_BYTES = 5 << 20;
        public static final int MIN_READ_BYTES = 64 << 10;
        public static final Transfer DEFAULT = new Transfer(40 << 20, 16 << 20, 4, 4 << 20);

        public Transfer {
            if (partBytes < MIN_PART_BYTES
                    || partBytes > 1 << 30
                    || multipartBytes < MIN_PART_BYTES
                    || parallelParts < 1
                    || parallelParts > 64
                    || preferredReadBytes < MIN_READ_BYTES
                    || preferredReadBytes > 64 << 20) {
                throw new IllegalArgumentException("parts of " + partBytes + " bytes above " + multipartBytes + ", "
                        + parallelParts + " at once, reads of " + preferredReadBytes);
            }
        }
    }

    public S3Settings {
        if (!BUCKET.matcher(bucket).matches()) {
            throw new IllegalArgumentException("'" + bucket + "' cannot be the name of a bucket");
        }
        if (region.isBlank()) {
            throw new IllegalArgumentException("a region is needed; for stores without regions take " + DEFAULT_REGION);
        }
        if (!BlobKeys.checkedPrefix(prefix).isEmpty() && !prefix.endsWith("/")) {
            throw new IllegalArgumentException("a prefix ends in '/': " + prefix);
        }
        endpoint.ifPresent(S3Settings::checkEndpoint);
        if (!positive(connectTimeout) || !positive(idleTimeout) || maxConnections < 1 || maxConnections > 1000) {
            throw new IllegalArgumentException(
                    "time-outs of " + connectTimeout + " and " + idleTimeout + ", " + maxConnections + " connections");
        }
    }

    private static boolean positive(Duration duration) {
        return !duration.isNegative() && !duration.isZero() && duration.compareTo(LONGEST) <= 0;
    }

    private static void checkEndpoint(URI uri) {
        if (!("http".equals(uri.getScheme()) || "https".equals(uri.getScheme()))
                || uri.getHost() == null
                || uri.getUserInfo() != null
                || uri.getQuery() != null) {
            throw new IllegalArgumentException(
                    "'" + uri + "' is no endpoint; one looks like https://s3.example.com or http://10.0.0.1:9000");
        }
    }

    /** A bucket at {@code endpoint} with the usual settings of stores other than AWS. */
    public static S3Settings of(URI endpoint, String bucket, String prefix, S3Credentials credentials) {
        return new S3Settings(
                Optional.of(endpoint),
                DEFAULT_REGION,
                bucket,
                prefix,
                true,
                ChecksumMode.WHEN_REQUIRED,
                Optional.empty(),
                credentials,
                Duration.ofSeconds(10),
                Duration.ofSeconds(60),
                32,
                Transfer.DEFAULT);
    }

    /** A bucket of AWS with the usual settings. */
    public static S3Settings aws(String region, String bucket, String prefix, S3Credentials credentials) {
        return new S3Settings(
                Optional.empty(),
                region,
                bucket,
                prefix,
                false,
                ChecksumMode.WHEN_SUPPORTED,
                Optional.empty(),
                credentials,
                Duration.ofSeconds(10),
                Duration.ofSeconds(60),
                32,
                Transfer.DEFAULT);
    }

    public S3Settings withRegion(String other) {
        return new S3Settings(
                endpoint,
                other,
                bucket,
                prefix,
                pathStyle,
                checksumMode,
                caCertificate,
                credentials,
                connectTimeout,
                idleTimeout,
                maxConnections,
                transfer);
    }

    public S3Settings withCaCertificate(String pem) {
        return new S3Settings(
                endpoint,
                region,
                bucket,
                prefix,
                pathStyle,
                checksumMode,
                Optional.of(pem),
                credentials,
                connectTimeout,
                idleTimeout,
                maxConnections,
                transfer);
    }

    public S3Settings withTimeouts(Duration connect, Duration idle) {
        return new S3Settings(
                endpoint,
                region,
                bucket,
                prefix,
                pathStyle,
                checksumMode,
                caCertificate,
                credentials,
                connect,
                idle,
                maxConnections,
                transfer);
    }

    public S3Settings withTransfer(Transfer other) {
        return new S3Settings(
                endpoint,
                region,
                bucket,
                prefix,
                pathStyle,
                checksumMode,
                caCertificate,
                credentials,
                connectTimeout,
                idleTimeout,
                maxConnections,
                other);
    }

    /** Where this is, in words. */
    public String place() {
        return "S3 bucket " + bucket + (prefix.isEmpty() ? "" : "/" + prefix) + " at "
                + endpoint.map(URI::toString).orElse("AWS " + region);
    }

    @Override
    public String toString() {
        return place() + " with " + credentials;
    }
}
