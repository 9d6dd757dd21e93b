package org.tidemark.backup.target.nfs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.backup.target.ByteRange;
import org.tidemark.backup.target.Pauses;
import org.tidemark.backup.target.TargetException;
import org.tidemark.ploop.os.nfs.NfsClient;
import org.tidemark.ploop.os.nfs.NfsLocation;
import org.tidemark.ploop.os.nfs.SimulatedNfs;

/**
 * Puts on a server that restarts, forgets, loses requests and answers and doubles them at any moment, and at last restarts once
 * more: what a put returned from is there, whole; what it did not is whole or not there. Programs that are wrong in one
 * thing are caught.
 */
@Timeout(120)
class NfsPutSimulationTest {
    private static final int SEEDS = 200;
    private static final int PUTS = 12;

    private final Pauses noTime = new Pauses() {
        private long now;

        @Override
        public long nanoTime() {
            return ++now;
        }

        @Override
        public void sleep(Duration pause) {
            now += 1000;
        }
    };

    private NfsFolder open(SimulatedNfs server, UnaryOperator<NfsClient> seen, long seed) throws IOException {
        NfsSession session = new NfsSession(
                NfsLocation.parse("nfs://simulated/export/folder"),
                () -> List.of("/export"),
                (export, answered) -> seen.apply(server.connect()),
                Duration.ofDays(1),
                noTime);
        return NfsFolder.open(NfsLocation.parse("nfs://simulated/export/folder"), true, 1, session, new Random(seed));
    }

    /** Returns what is wrong afterwards; empty when nothing is. */
    private List<String> live(long seed, UnaryOperator<NfsClient> seen) throws IOException {
        Random random = new Random(seed);
        SimulatedNfs server = new SimulatedNfs(random, 1 + random.nextInt(60));
        NfsFolder target = open(server, seen, seed);
        List<byte[]> contents = new ArrayList<>();
        List<Boolean> returned = new ArrayList<>();
        for (int i = 0; i < PUTS; i++) {
            byte[] content = new byte[1 + random.nextInt(40_000)];
            random.nextBytes(content);
            contents.add(content);
            ByteBuffer bytes =
                    ByteBuffer.allocateDirect(content.length).put(content).flip();
            try {
                target.putIfAbsent("pack/" + i % 3 + "/" + i, List.of(bytes));
                returned.add(true);
            } catch (TargetException e) {
                returned.add(false);
                if (e.kind() == TargetException.Kind.CONFLICT) {
                    return List.of("seed " + seed + ": put " + i + " met itself: " + e.getMessage());
                }
            }
        }
        server.restart();
        List<String> wrong = new ArrayList<>();
        for (int i = 0; i < PUTS; i++) {
            String key = "pack/" + i % 3 + "/" + i;
            boolean there = server.names().contains("/folder/" + key);
            if (returned.get(i) && !there) {
                wrong.add("seed " + seed + ": " + key + " is gone");
            } else if (there && !Arrays.equals(contents.get(i), server.content("/folder/" + key))) {
                wrong.add("seed " + seed + ": " + key + " is not what was put");
            } else if (returned.get(i)) {
                ByteBuffer got = ByteBuffer.allocateDirect(contents.get(i).length);
                target.get(key, ByteRange.head(got.capacity()), got);
                if (got.flip().mismatch(ByteBuffer.wrap(contents.get(i))) >= 0) {
                    wrong.add("seed " + seed + ": " + key + " reads otherwise");
                }
            }
        }
        restartsSeen += server.restarts();
        lostSeen += server.lost();
        return wrong;
    }

    private int restartsSeen;
    private int lostSeen;

    @Test
    void whatAPutReturnedFromSurvivesEverything() throws Exception {
        for (long seed = 1; seed <= SEEDS; seed++) {
            assertThat(live(seed, client -> client)).as("seed " + seed).isEmpty();
        }
        System.out.println("NFS puts: " + SEEDS + " seeds, " + restartsSeen + " restarts, " + lostSeen
                + " lost requests and answers");
        assertThat(restartsSeen).isGreaterThan(SEEDS);
        assertThat(lostSeen).isGreaterThan(SEEDS);
    }

    private interface Change {
        Object result(NfsClient client, Object result) throws IOException;
    }

    /** A client of which one method answers something else, or does nothing. */
    private static NfsClient wrong(NfsClient client, String method, boolean calls, Change change) {
        return (NfsClient) Proxy.newProxyInstance(
                NfsClient.class.getClassLoader(), new Class<?>[] {NfsClient.class}, (proxy, called, arguments) -> {
                    try {
                        boolean it = called.getName().equals(method);
                        Object result = it && !calls ? null : called.invoke(client, arguments);
                        return it ? change.result(client, result) : result;
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    private void isCaught(UnaryOperator<NfsClient> wrong) throws IOException {
        for (long seed = 1; seed <= SEEDS; seed++) {
            if (!live(seed, wrong).isEmpty()) {
                return;
            }
        }
        throw new AssertionError("a program that is wrong was not caught by " + SEEDS + " seeds");
    }

    @Test
    void aProgramThatIgnoresTheVerifierIsCaught() throws Exception {
        isCaught(client -> wrong(
                wrong(client, "write", true, (real, result) -> {
                    NfsClient.Written written = (NfsClient.Written) result;
                    return new NfsClient.Written(written.durable(), true, 0);
                }),
                "commit",
                true,
                (real, result) -> 0L));
    }

    @Test
    void aProgramThatLooksOnlyAtTheLastVerifierIsCaught() throws Exception {
        isCaught(client -> wrong(client, "write", true, (real, result) -> {
            NfsClient.Written written = (NfsClient.Written) result;
            return new NfsClient.Written(written.durable(), true, written.verifier());
        }));
    }

    @Test
    void aProgramThatDoesNotCommitIsCaught() throws Exception {
        isCaught(client -> wrong(client, "write", true, (real, result) -> {
            NfsClient.Written written = (NfsClient.Written) result;
            return new NfsClient.Written(true, written.oneVerifier(), written.verifier());
        }));
    }

    @Test
    void aServerThatOnlyRestartsIsLeftInTheEnd() throws Exception {
        SimulatedNfs server = new SimulatedNfs(new Random(1), 0);
        long[] verifier = new long[1];
        NfsFolder target =
                open(server, client -> wrong(client, "commit", true, (real, result) -> ++verifier[0] << 40), 1);
        assertThatThrownBy(() -> target.putIfAbsent("a", List.of(ByteBuffer.allocateDirect(10))))
                .isInstanceOfSatisfying(
                        TargetException.class, e -> assertThat(e.mayPass()).isTrue())
                .hasMessageContaining("restarted 8 times");
        assertThat(server.names()).containsExactly("/folder/.tidemark-target");
    }
}
