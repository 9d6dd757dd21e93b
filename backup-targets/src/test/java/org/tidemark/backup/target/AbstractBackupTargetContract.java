package org.tidemark.backup.target;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What every target has to do. */
@Timeout(60)
public abstract class AbstractBackupTargetContract {
    /** An empty target that can be used. */
    protected abstract BackupTarget target() throws Exception;

    private static List<ByteBuffer> words(String... parts) {
        List<ByteBuffer> buffers = new ArrayList<>();
        for (String part : parts) {
            buffers.add(ByteBuffer.wrap(part.getBytes(StandardCharsets.UTF_8)));
        }
        return buffers;
    }

    private static String read(BackupTarget target, String key, ByteRange range) throws TargetException {
        ByteBuffer dst = ByteBuffer.allocate(1000);
        target.get(key, range, dst);
        return StandardCharsets.UTF_8.decode(dst.flip()).toString();
    }

    private static void fails(TargetException.Kind kind, ThrowingCallable call) {
        assertThatExceptionOfType(TargetException.class).isThrownBy(call).satisfies(e -> assertThat(e.kind())
                .isEqualTo(kind));
    }

    @Test
    void whatWasPutIsRead() throws Exception {
        BackupTarget target = target();
        List<ByteBuffer> content = words("abc", "", "defgh");
        target.putIfAbsent("pack/00/x.pk", content);
        assertThat(content.get(0).position()).isZero();
        assertThat(target.stat("pack/00/x.pk")).isEqualTo(8);
        assertThat(read(target, "pack/00/x.pk", ByteRange.exact(0, 8))).isEqualTo("abcdefgh");
        assertThat(read(target, "pack/00/x.pk", ByteRange.exact(2, 3))).isEqualTo("cde");
        assertThat(read(target, "pack/00/x.pk", ByteRange.exact(8, 0))).isEmpty();
        assertThat(read(target, "pack/00/x.pk", ByteRange.upTo(2, 3))).isEqualTo("cde");
        assertThat(read(target, "pack/00/x.pk", ByteRange.upTo(6, 100))).isEqualTo("gh");
        assertThat(read(target, "pack/00/x.pk", ByteRange.upTo(8, 100))).isEmpty();
        assertThat(read(target, "pack/00/x.pk", ByteRange.head(3))).isEqualTo("abc");
        assertThat(read(target, "pack/00/x.pk", ByteRange.head(100))).isEqualTo("abcdefgh");
        assertThat(read(target, "pack/00/x.pk", ByteRange.tail(3))).isEqualTo("fgh");
        assertThat(read(target, "pack/00/x.pk", ByteRange.tail(100))).isEqualTo("abcdefgh");
    }

    @Test
    void getTellsTheWholeSizeAndMovesThePosition() throws Exception {
        BackupTarget target = target();
        target.putIfAbsent("a", words("0123456789"));
        ByteBuffer dst = ByteBuffer.allocateDirect(6).position(1);
        assertThat(target.get("a", ByteRange.exact(4, 3), dst)).isEqualTo(10);
        assertThat(dst.position()).isEqualTo(4);
        assertThat(dst.limit()).isEqualTo(6);
        assertThat(dst.get(1)).isEqualTo((byte) '4');
    }

    @Test
    void anEmptyBlobIsABlob() throws Exception {
        BackupTarget target = target();
        target.putIfAbsent("empty", List.of());
        assertThat(target.stat("empty")).isZero();
        assertThat(read(target, "empty", ByteRange.tail(10))).isEmpty();
    }

    @Test
    void aSecondPutIsAConflictAndChangesNothing() throws Exception {
        BackupTarget target = target();
        target.putIfAbsent("a/b", words("first"));
        fails(TargetException.Kind.CONFLICT, () -> target.putIfAbsent("a/b", words("second")));
        fails(TargetException.Kind.CONFLICT, () -> target.putIfAbsent("a/b", words("first")));
        assertThat(read(target, "a/b", ByteRange.head(100))).isEqualTo("first");
    }

    @Test
    void whatIsNotThereIsNotFound() throws Exception {
        BackupTarget target = target();
        fails(TargetException.Kind.NOT_FOUND, () -> target.stat("no/thing"));
        fails(TargetException.Kind.NOT_FOUND, () -> read(target, "no/thing", ByteRange.head(1)));
    }

    @Test
    void anExactRangeBeyondTheEndIsCorrupt() throws Exception {
        BackupTarget target = target();
        target.putIfAbsent("a", words("0123"));
        fails(TargetException.Kind.CORRUPT, () -> read(target, "a", ByteRange.exact(2, 3)));
        fails(TargetException.Kind.CORRUPT, () -> read(target, "a", ByteRange.exact(5, 0)));
        fails(TargetException.Kind.CORRUPT, () -> read(target, "a", ByteRange.upTo(5, 10)));
    }

    @Test
    void listingsAreSortedAndKnowPrefixes() throws Exception {
        BackupTarget target = target();
        for (String key : List.of("p/b", "p/a/2", "p/a/10", "p/a-1", "q", "p2/x", "p/a.b/c")) {
            target.putIfAbsent(key, words(key));
        }
        assertThat(list(target, "")).containsExactly("p/a-1", "p/a.b/c", "p/a/10", "p/a/2", "p/b", "p2/x", "q");
        assertThat(list(target, "p/")).containsExactly("p/a-1", "p/a.b/c", "p/a/10", "p/a/2", "p/b");
        assertThat(list(target, "p")).contains("p2/x", "p/b").doesNotContain("q");
        assertThat(list(target, "p/a/1")).containsExactly("p/a/10");
        assertThat(list(target, "none/")).isEmpty();
        List<String> folders = new ArrayList<>();
        target.listFolders("p/", folders::add);
        assertThat(folders).containsExactly("a", "a.b");
        folders.clear();
        target.listFolders("", folders::add);
        assertThat(folders).containsExactly("p", "p2");
        folders.clear();
        target.listFolders("nowhere/", folders::add);
        assertThat(folders).isEmpty();
    }

    private static List<String> list(BackupTarget target, String prefix) throws TargetException {
        List<String> keys = new ArrayList<>();
        target.list(prefix, (key, sizeBytes) -> {
            assertThat(sizeBytes).isEqualTo(key.length());
            keys.add(key);
        });
        return keys;
    }

    @Test
    void keysThatAreNoneAreRefused() throws Exception {
        BackupTarget target = target();
        for (String key : List.of("", "/a", "a/", "a//b", "../a", "a/../b", ".tmp/x", "a b", "ä", "x".repeat(600))) {
            assertThatIllegalArgumentException().isThrownBy(() -> target.putIfAbsent(key, words("x")));
            assertThatIllegalArgumentException().isThrownBy(() -> target.stat(key));
        }
    }

    @Test
    void ofManyPutsOfOneKeyOneWins() throws Exception {
        BackupTarget target = target();
        int writers = 8;
        CountDownLatch start = new CountDownLatch(1);
        CountDownLatch end = new CountDownLatch(writers);
        AtomicInteger won = new AtomicInteger();
        AtomicInteger lost = new AtomicInteger();
        for (int i = 0; i < writers; i++) {
            String content = "writer-" + i;
            Thread thread = new Thread(() -> {
                try {
                    start.await();
                    target.putIfAbsent("race/key", words(content));
                    won.incrementAndGet();
                } catch (TargetException e) {
                    lost.addAndGet(e.kind() == TargetException.Kind.CONFLICT ? 1 : 100);
                } catch (InterruptedException e) {
                    lost.addAndGet(100);
                } finally {
                    end.countDown();
                }
            });
            thread.setDaemon(true);
            thread.start();
        }
        start.countDown();
        assertThat(end.await(30, TimeUnit.SECONDS)).isTrue();
        assertThat(won.get()).isEqualTo(1);
        assertThat(lost.get()).isEqualTo(writers - 1);
        assertThat(read(target, "race/key", ByteRange.head(100))).startsWith("writer-");
    }

    @Test
    void aLargeBlobComesBackWhole() throws Exception {
        BackupTarget target = target();
        ByteBuffer large = ByteBuffer.allocateDirect(5 << 20);
        byte[] noise = new byte[5 << 20];
        new Random(5).nextBytes(noise);
        large.put(noise).flip();
        target.putIfAbsent("large", List.of(large.slice(0, 1 << 20), large.slice(1 << 20, 4 << 20)));
        ByteBuffer got = ByteBuffer.allocateDirect(5 << 20);
        target.get("large", ByteRange.exact(0, 5 << 20), got);
        assertThat(got.flip().mismatch(large)).isEqualTo(-1);
    }

    @Test
    void aTargetThatIsThereIsValid() throws Exception {
        BackupTarget target = target();
        target.validate();
        assertThat(list(target, "")).isEmpty();
        assertThat(target.describe()).isNotBlank();
    }
}
