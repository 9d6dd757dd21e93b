package org.tidemark.backup.target.s3;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.tidemark.backup.target.ByteRange;
import org.tidemark.backup.target.LinkPace;
import org.tidemark.backup.target.RequestCounter;
import org.tidemark.backup.target.TargetException;
import org.tidemark.backup.target.TargetException.Kind;
import software.amazon.awssdk.core.ResponseInputStream;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.GetObjectRequest;
import software.amazon.awssdk.services.s3.model.GetObjectResponse;
import software.amazon.awssdk.services.s3.model.HeadObjectRequest;
import software.amazon.awssdk.services.s3.model.ListObjectsV2Request;
import software.amazon.awssdk.services.s3.model.ListObjectsV2Response;
import software.amazon.awssdk.services.s3.model.PutObjectRequest;
import software.amazon.awssdk.services.s3.model.S3Exception;

/**
 * The requests that a target is made of, each counted and its failure explained. Shared by a target and its counting
 * views. Keys here are those of the target; the prefix is added here.
 */
final class S3Store implements AutoCloseable {
    static final int PAGE_KEYS = 1000;
    private static final int COPY_BYTES = 64 << 10;
    private static final long STOP_SECONDS = 5;
    private static final String BYTES = "application/octet-stream";

    final S3Client client;
    final S3Settings settings;
    final S3Errors errors;
    /** For the parts of multipart puts. */
    final ThreadPoolExecutor parts;

    volatile PutMode mode = PutMode.UNPROVEN;

    S3Store(S3Client client, S3Settings settings, S3Errors errors) {
        this.client = client;
        this.settings = settings;
        this.errors = errors;
        int threads = settings.transfer().parallelParts();
        parts = new ThreadPoolExecutor(threads, threads, 5, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), task -> {
            Thread thread = new Thread(task, "tidemark-s3-part");
            thread.setDaemon(true);
            return thread;
        });
        parts.allowCoreThreadTimeOut(true);
    }

    String fullKey(String key) {
        return settings.prefix() + key;
    }

    static RequestBody body(List<ByteBuffer> content, Transmission transmission) {
        long sizeBytes = content.stream().mapToLong(ByteBuffer::remaining).sum();
        return RequestBody.fromContentProvider(() -> new BufferStream(content, transmission), sizeBytes, BYTES);
    }

    /** CONFLICT when the store keeps the condition and the key exists. */
    void put(String key, List<ByteBuffer> content, boolean conditional, RequestCounter counter, LinkPace pace)
            throws TargetException {
        Transmission transmission = new Transmission(pace);
        PutObjectRequest.Builder request = PutObjectRequest.builder()
                .bucket(settings.bucket())
                .key(fullKey(key))
                .overrideConfiguration(transmission::mark);
        if (conditional) {
            request.ifNoneMatch("*");
        }
        counter.put();
        try {
            client.putObject(request.build(), body(content, transmission));
        } catch (SdkException e) {
            throw errors.of("write " + key, e);
        }
    }

    /** The size of an object; NOT_FOUND only when the bucket was seen after the miss. */
    long stat(String key, RequestCounter counter) throws TargetException {
        counter.get();
        try {
            Long sizeBytes = client.headObject(HeadObjectRequest.builder()
                            .bucket(settings.bucket())
                            .key(fullKey(key))
                            .build())
                    .contentLength();
            if (sizeBytes == null) {
                throw new TargetException(
                        Kind.RETRYABLE, "look at " + key + ", " + settings.place() + ": the store tells no size");
            }
            return sizeBytes;
        } catch (SdkException e) {
            throw bare("look at " + key, e, counter);
        }
    }

    /**
     * Answers without a body, as those to HEAD, cannot say whether it is the key or the bucket that is missing, nor why
     * something was refused. A small listing can.
     */
    private TargetException bare(String doing, SdkException e, RequestCounter counter) throws TargetException {
        if (e instanceof S3Exception answered && (answered.statusCode() == 404 || answered.statusCode() == 403)) {
            list("", "", null, 1, counter);
        }
        return errors.of(doing, e);
    }

    boolean exists(String key, RequestCounter counter) throws TargetException {
        try {
            stat(key, counter);
            return true;
        } catch (TargetException e) {
            if (e.kind() == Kind.NOT_FOUND) {
                return false;
            }
            throw e;
        }
    }

    /** One page of a listing, full keys. */
    ListObjectsV2Response list(
            String prefix, String delimiter, @Nullable String continuation, int keys, RequestCounter counter)
            throws TargetException {
        ListObjectsV2Request.Builder request = ListObjectsV2Request.builder()
                .bucket(settings.bucket())
                .prefix(fullKey(prefix))
                .maxKeys(keys);
        if (!delimiter.isEmpty()) {
            request.delimiter(delimiter);
        }
        if (continuation != null) {
            request.continuationToken(continuation);
        }
        counter.list();
        try {
            return client.listObjectsV2(request.build());
        } catch (SdkException e) {
            throw errors.of("list " + (prefix.isEmpty() ? "everything" : prefix), e);
        }
    }

    /** See {@code BackupTarget.get}; the range is not empty. */
    long get(String key, ByteRange range, ByteBuffer dst, RequestCounter counter) throws TargetException {
        String doing = "read " + key;
        int start = dst.position();
        counter.get();
        try (ResponseInputStream<GetObjectResponse> in = client.getObject(GetObjectRequest.builder()
                .bucket(settings.bucket())
                .key(fullKey(key))
                .range(words(range))
                .build())) {
            boolean whole = false;
            try {
                long sizeBytes = receive(key, range, dst, in);
                whole = true;
                return sizeBytes;
            } finally {
                if (!whole) {
                    in.abort();
                    dst.position(start);
                }
            }
        } catch (S3Exception e) {
            if (e.statusCode() == 416) {
                return behindTheEnd(key, range, counter);
            }
            throw S3Errors.isCertainMiss(e) ? errors.of(doing, e) : bare(doing, e, counter);
        } catch (SdkException e) {
            throw errors.of(doing, e);
        } catch (TargetException e) {
            throw e;
        } catch (IOException e) {
            throw errors.of(doing, e);
        }
    }

    private static String words(ByteRange range) {
        return range.kind() == ByteRange.Kind.TAIL
                ? "bytes=-" + range.lengthBytes()
                : "bytes=" + range.offsetBytes() + "-" + (range.offsetBytes() + range.lengthBytes() - 1);
    }

    private long receive(String key, ByteRange range, ByteBuffer dst, ResponseInputStream<GetObjectResponse> in)
            throws IOException {
        GetObjectResponse response = in.response();
        Long length = response.contentLength();
        long sizeBytes;
        long skip = 0;
        String told = response.contentRange();
        if (told == null) {
            // The store ignored the range and sends everything.
            sizeBytes = length == null ? -1 : length;
            skip = range.startIn(sizeBytes);
        } else {
            sizeBytes = parse(told.substring(told.indexOf('/') + 1));
        }
        int wanted = sizeBytes < 0 ? -1 : range.lengthIn(sizeBytes);
        if (wanted < 0) {
            throw tooShort(key, range, sizeBytes);
        }
        if (told != null && !told.startsWith("bytes " + range.startIn(sizeBytes) + "-")) {
            throw new TargetException(
                    Kind.CORRUPT,
                    "read " + key + ", " + settings.place() + ": the store sent '" + told + "' when asked for "
                            + words(range));
        }
        if (wanted > dst.remaining()) {
            throw new IllegalArgumentException("room for " + dst.remaining() + " bytes, not " + wanted);
        }
        in.skipNBytes(skip);
        copy(in, dst, wanted);
        if (skip + wanted < sizeBytes && told == null) {
            in.abort();
        }
        return sizeBytes;
    }

    private static long parse(String size) {
        try {
            return Long.parseLong(size);
        } catch (NumberFormatException e) {
            return -1;
        }
    }

    private static void copy(ResponseInputStream<GetObjectResponse> in, ByteBuffer dst, int length) throws IOException {
        byte[] piece = new byte[Math.min(COPY_BYTES, length)];
        int rest = length;
        while (rest > 0) {
            int got = in.read(piece, 0, Math.min(piece.length, rest));
            if (got < 0) {
                throw new IOException("the answer ends " + rest + " bytes too early");
            }
            dst.put(piece, 0, got);
            rest -= got;
        }
    }

    private long behindTheEnd(String key, ByteRange range, RequestCounter counter) throws TargetException {
        long sizeBytes = stat(key, counter);
        if (range.lengthIn(sizeBytes) != 0) {
            throw tooShort(key, range, sizeBytes);
        }
        return sizeBytes;
    }

    TargetException tooShort(String key, ByteRange range, long sizeBytes) {
        return new TargetException(
                Kind.CORRUPT,
                key + " in " + settings.place() + " has " + sizeBytes + " bytes; " + range.lengthBytes() + " at "
                        + range.offsetBytes() + " were asked for");
    }

    @Override
    public void close() {
        parts.shutdownNow();
        try {
            if (!parts.awaitTermination(STOP_SECONDS, TimeUnit.SECONDS)) {
                System.getLogger(S3Store.class.getName())
                        .log(System.Logger.Level.WARNING, "a put to " + settings.place() + " does not end");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        client.close();
    }
}
