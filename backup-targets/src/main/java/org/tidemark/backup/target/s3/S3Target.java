package org.tidemark.backup.target.s3;

import java.nio.ByteBuffer;
import java.time.Clock;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.BlobKeys;
import org.tidemark.backup.target.BlobVisitor;
import org.tidemark.backup.target.ByteRange;
import org.tidemark.backup.target.LinkPace;
import org.tidemark.backup.target.ProbeReport;
import org.tidemark.backup.target.RequestCounter;
import org.tidemark.backup.target.SelfCounting;
import org.tidemark.backup.target.SelfPacing;
import org.tidemark.backup.target.TargetCapabilities;
import org.tidemark.backup.target.TargetException;
import org.tidemark.backup.target.TargetException.Kind;
import org.tidemark.backup.target.TargetProbe;
import software.amazon.awssdk.services.s3.model.CommonPrefix;
import software.amazon.awssdk.services.s3.model.ListObjectsV2Response;
import software.amazon.awssdk.services.s3.model.S3Object;

/**
 * A bucket, or folders in it, as a target. Tries everything once: put a {@code RetryingTarget} around it. Safe for many
 * threads.
 */
public final class S3Target implements SelfCounting, SelfPacing, TargetProbe.SelfProbing {
    /** What a person has to know of a store without conditional puts. */
    public static final String SINGLE_WRITER_NOTICE =
            "This store does not keep two writers apart (it ignores If-None-Match). Backups work, but only one appliance "
                    + "may ever write to this bucket and prefix; give every other one a prefix of its own.";

    private static final int MAX_FOLDERS = 1 << 20;

    private final S3Store store;
    private final RequestCounter counter;
    private final LinkPace pace;
    private final boolean owner;
    private final String probeName;
    private final LongSupplier nanoTime;

    private S3Target(
            S3Store store,
            RequestCounter counter,
            LinkPace pace,
            boolean owner,
            String probeName,
            LongSupplier nanoTime) {
        this.store = store;
        this.counter = counter;
        this.pace = pace;
        this.owner = owner;
        this.probeName = probeName;
        this.nanoTime = nanoTime;
    }

    /**
     * Opens a bucket. Sends nothing yet; {@link #probe} is the next thing to do.
     *
     * @param applianceId names this appliance's probe objects, so that probes do not pile up; a segment of a key
     * @param clock for messages about clocks
     * @throws TargetException DENIED when the CA certificate cannot be read
     */
    public static S3Target open(S3Settings settings, String applianceId, Clock clock) throws TargetException {
        S3Store store = new S3Store(S3Connection.open(settings), settings, new S3Errors(settings, clock));
        return new S3Target(
                store, new RequestCounter(), LinkPace.NONE, true, BlobKeys.checked(applianceId), System::nanoTime);
    }

    @Override
    public BackupTarget counting(RequestCounter other) {
        return new S3Target(store, other, pace, false, probeName, nanoTime);
    }

    /** Bytes wait their turn in the body of the request that sends them. */
    @Override
    public BackupTarget paced(LinkPace other) {
        return new S3Target(store, counter, other, false, probeName, nanoTime);
    }

    @Override
    public void putIfAbsent(String key, List<ByteBuffer> content) throws TargetException {
        BlobKeys.checked(key);
        long sizeBytes = content.stream().mapToLong(ByteBuffer::remaining).sum();
        if (sizeBytes > store.settings.transfer().multipartBytes()) {
            new MultipartPut(store, counter, pace, key, content).run();
            return;
        }
        boolean conditional = store.mode != PutMode.SINGLE_WRITER;
        if (!conditional && store.exists(key, counter)) {
            throw new TargetException(Kind.CONFLICT, key + " exists already in " + describe());
        }
        store.put(key, content, conditional, counter, pace);
    }

    @Override
    public long get(String key, ByteRange range, ByteBuffer dst) throws TargetException {
        BlobKeys.checked(key);
        if (range.lengthBytes() > 0) {
            return store.get(key, range, dst, counter);
        }
        // HTTP has no empty ranges.
        long sizeBytes = store.stat(key, counter);
        if (range.lengthIn(sizeBytes) < 0) {
            throw store.tooShort(key, range, sizeBytes);
        }
        return sizeBytes;
    }

    @Override
    public long stat(String key) throws TargetException {
        return store.stat(BlobKeys.checked(key), counter);
    }

    @Override
    public void list(String prefix, BlobVisitor visitor) throws TargetException {
        BlobKeys.checkedPrefix(prefix);
        String last = "";
        @Nullable String continuation = null;
        do {
            ListObjectsV2Response page = store.list(prefix, "", continuation, S3Store.PAGE_KEYS, counter);
            for (S3Object object : page.contents()) {
                String key = object.key().substring(store.settings.prefix().length());
                if (key.compareTo(last) <= 0 && !last.isEmpty()) {
                    throw outOfOrder(prefix);
                }
                last = key;
                if (BlobKeys.isKey(key)) {
                    visitor.blob(key, object.size());
                }
            }
            continuation = next(page);
        } while (continuation != null);
    }

    /** A store that repeats itself would never end. */
    private TargetException outOfOrder(String prefix) {
        return new TargetException(
                Kind.CORRUPT, "list " + prefix + ", " + describe() + ": the store lists its keys out of order");
    }

    private static @Nullable String next(ListObjectsV2Response page) {
        return Boolean.TRUE.equals(page.isTruncated()) ? page.nextContinuationToken() : null;
    }

    @Override
    public void listFolders(String prefix, Consumer<String> visitor) throws TargetException {
        if (!BlobKeys.checkedPrefix(prefix).isEmpty() && !prefix.endsWith("/")) {
            throw new IllegalArgumentException("not a folder: " + prefix);
        }
        // The store sorts "a/" behind "a-b/"; names are sorted here.
        TreeSet<String> names = new TreeSet<>();
        int skipped = store.fullKey(prefix).length();
        @Nullable String continuation = null;
        do {
            ListObjectsV2Response page = store.list(prefix, "/", continuation, S3Store.PAGE_KEYS, counter);
            int before = names.size();
            for (CommonPrefix folder : page.commonPrefixes()) {
                names.add(folder.prefix().substring(skipped, folder.prefix().length() - 1));
            }
            continuation = next(page);
            if (names.size() > MAX_FOLDERS
                    || continuation != null
                            && names.size() == before
                            && !page.commonPrefixes().isEmpty()) {
                throw outOfOrder(prefix);
            }
        } while (continuation != null);
        names.stream().filter(BlobKeys::isKey).forEach(visitor);
    }

    @Override
    public TargetCapabilities capabilities() {
        return new TargetCapabilities(
                true,
                store.mode == PutMode.CONDITIONAL,
                store.settings.transfer().preferredReadBytes());
    }

    /** What a person should know of this store; empty when there is nothing. */
    public Optional<String> notice() {
        return store.mode == PutMode.SINGLE_WRITER ? Optional.of(SINGLE_WRITER_NOTICE) : Optional.empty();
    }

    /** One request: the bucket is there and lists. Whose repository it holds is checked where a repository is opened. */
    @Override
    public void validate() throws TargetException {
        store.list("", "", null, 1, counter);
    }

    /** Takes about 15 requests. Two probes of one appliance must not run at once on the same bucket and prefix. */
    @Override
    public ProbeReport probe() {
        return new S3Probe(this, store, counter, probeName, nanoTime).run();
    }

    @Override
    public String describe() {
        return store.settings.place();
    }

    @Override
    public void close() {
        if (owner) {
            store.close();
        }
    }
}
