package org.tidemark.backup.target.s3;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;
import org.tidemark.backup.target.LinkPace;
import org.tidemark.backup.target.RequestCounter;
import org.tidemark.backup.target.TargetException;
import org.tidemark.backup.target.TargetException.Kind;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.s3.model.AbortMultipartUploadRequest;
import software.amazon.awssdk.services.s3.model.CompleteMultipartUploadRequest;
import software.amazon.awssdk.services.s3.model.CompletedPart;
import software.amazon.awssdk.services.s3.model.CreateMultipartUploadRequest;
import software.amazon.awssdk.services.s3.model.UploadPartRequest;

/**
 * One blob in parts. Nothing is visible before the completion; whatever goes wrong before, the parts are given up. A
 * crash leaves parts that only a life-cycle rule of the bucket removes.
 */
final class MultipartPut {
    private final S3Store store;
    private final RequestCounter counter;
    private final LinkPace pace;
    private final String key;
    private final List<ByteBuffer> content;
    private final long sizeBytes;

    MultipartPut(S3Store store, RequestCounter counter, LinkPace pace, String key, List<ByteBuffer> content) {
        this.store = store;
        this.counter = counter;
        this.pace = pace;
        this.key = key;
        this.content = content;
        sizeBytes = content.stream().mapToLong(ByteBuffer::remaining).sum();
    }

    void run() throws TargetException {
        // Stores exist that ignore the condition on completion; this is all they have.
        if (store.exists(key, counter)) {
            throw new TargetException(Kind.CONFLICT, key + " exists already in " + store.settings.place());
        }
        String upload = begin();
        boolean done = false;
        try {
            List<CompletedPart> parts = putParts(upload);
            complete(upload, parts);
            done = true;
        } finally {
            if (!done) {
                giveUp(upload);
            }
        }
    }

    private String begin() throws TargetException {
        counter.put();
        try {
            return store.client
                    .createMultipartUpload(CreateMultipartUploadRequest.builder()
                            .bucket(store.settings.bucket())
                            .key(store.fullKey(key))
                            .build())
                    .uploadId();
        } catch (SdkException e) {
            throw store.errors.of("begin to write " + key, e);
        }
    }

    /** Returns only when no part is under way any more: the buffers are the caller's. */
    private List<CompletedPart> putParts(String upload) throws TargetException {
        List<Future<CompletedPart>> underWay = new ArrayList<>();
        List<CompletedPart> parts = new ArrayList<>();
        @Nullable TargetException failure = null;
        int partBytes = store.settings.transfer().partBytes();
        for (long from = 0; from < sizeBytes; from += partBytes) {
            int number = underWay.size() + 1;
            List<ByteBuffer> part = BufferStream.cut(content, from, partBytes);
            Callable<CompletedPart> task = () -> putPart(upload, number, part);
            try {
                underWay.add(store.parts.submit(task));
            } catch (RejectedExecutionException e) {
                failure = new TargetException(Kind.UNREACHABLE, store.settings.place() + " is closed", e);
                break;
            }
        }
        boolean interrupted = false;
        for (Future<CompletedPart> part : underWay) {
            if (failure != null) {
                part.cancel(false);
            }
            for (boolean settled = part.isCancelled(); !settled; ) {
                try {
                    parts.add(part.get());
                    settled = true;
                } catch (InterruptedException e) {
                    // The rest is not begun any more; what is under way has time-outs of its own.
                    interrupted = true;
                    failure = new TargetException(Kind.RETRYABLE, "write " + key + ": interrupted", e);
                    underWay.forEach(other -> other.cancel(false));
                    settled = part.isCancelled();
                } catch (ExecutionException e) {
                    settled = true;
                    failure = failure == null ? failed(e) : failure;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        if (failure != null) {
            throw failure;
        }
        return parts;
    }

    private TargetException failed(ExecutionException e) {
        return e.getCause() instanceof TargetException known
                ? known
                : new TargetException(Kind.RETRYABLE, "write " + key + ": " + e.getCause(), e);
    }

    private CompletedPart putPart(String upload, int number, List<ByteBuffer> part) throws TargetException {
        Transmission transmission = new Transmission(pace);
        counter.put();
        try {
            String tag = store.client
                    .uploadPart(
                            UploadPartRequest.builder()
                                    .bucket(store.settings.bucket())
                                    .key(store.fullKey(key))
                                    .uploadId(upload)
                                    .partNumber(number)
                                    .overrideConfiguration(transmission::mark)
                                    .build(),
                            S3Store.body(part, transmission))
                    .eTag();
            return CompletedPart.builder().partNumber(number).eTag(tag).build();
        } catch (SdkException e) {
            throw store.errors.of("write part " + number + " of " + key, e);
        }
    }

    private void complete(String upload, List<CompletedPart> parts) throws TargetException {
        counter.put();
        CompleteMultipartUploadRequest.Builder request = CompleteMultipartUploadRequest.builder()
                .bucket(store.settings.bucket())
                .key(store.fullKey(key))
                .uploadId(upload)
                .multipartUpload(completed -> completed.parts(parts));
        if (store.mode != PutMode.SINGLE_WRITER) {
            request.ifNoneMatch("*");
        }
        try {
            store.client.completeMultipartUpload(request.build());
        } catch (SdkException e) {
            TargetException failure = store.errors.of("finish writing " + key, e);
            if (!failure.mayPass() || !isThere()) {
                throw failure;
            }
            // The answer was lost, not the blob: it was not there before, and nobody else knows its name.
        }
    }

    private boolean isThere() throws TargetException {
        try {
            return store.stat(key, counter) == sizeBytes;
        } catch (TargetException e) {
            if (e.kind() == Kind.NOT_FOUND) {
                return false;
            }
            throw e;
        }
    }

    private void giveUp(String upload) {
        try {
            store.client.abortMultipartUpload(AbortMultipartUploadRequest.builder()
                    .bucket(store.settings.bucket())
                    .key(store.fullKey(key))
                    .uploadId(upload)
                    .build());
        } catch (SdkException e) {
            System.getLogger(MultipartPut.class.getName())
                    .log(
                            System.Logger.Level.INFO,
                            "the parts of " + key + " stay in " + store.settings.place()
                                    + " until a life-cycle rule removes them: " + e.getMessage());
        }
    }
}
