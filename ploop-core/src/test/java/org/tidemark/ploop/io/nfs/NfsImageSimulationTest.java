package org.tidemark.ploop.io.nfs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.os.nfs.NfsClient;
import org.tidemark.ploop.testing.Seeds;

/**
 * A file on a server that restarts and forgets, loses, doubles and delays requests, for a client that is killed and goes on with
 * the kept memory: every read shows the last write, and when the host dies too, what was flushed is there. Programs that are
 * wrong in one thing are caught.
 */
@Timeout(120)
class NfsImageSimulationTest {
    private static final int SEEDS = 100;
    private static final int SEEDS_OF_A_CONTROL = 400;

    private int restarts;
    private int lost;
    private int late;
    private int kills;

    private void live(long seed, NfsImageLife.Program program) throws IOException {
        NfsImageLife life = new NfsImageLife(seed, program);
        try {
            life.run();
        } finally {
            restarts += life.server().restarts();
            lost += life.server().lost();
            late += life.server().late();
            kills += life.kills();
        }
    }

    @Test
    void noFlushIsLostAndEveryReadShowsTheLastWrite() throws Exception {
        for (long seed : Seeds.of(SEEDS).toArray()) {
            Seeds.replayable(getClass(), seed, random -> live(seed, NfsImageLife.RIGHT));
        }
        System.out.println("NFS image: " + restarts + " restarts of the server, " + lost
                + " lost requests and answers, " + late + " carried out late, " + kills + " kills of the client");
        if (System.getProperty("seed") == null) {
            assertThat(restarts).isGreaterThan(SEEDS);
            assertThat(lost).isGreaterThan(SEEDS);
            assertThat(late).isGreaterThan(SEEDS / 4);
            assertThat(kills).isGreaterThan(SEEDS / 2);
        }
    }

    private void isCaught(NfsImageLife.Program program) throws IOException {
        for (long seed = 1; seed <= SEEDS_OF_A_CONTROL; seed++) {
            try {
                live(seed, program);
            } catch (NfsImageLife.WrongBytesError e) {
                System.out.println("caught by seed " + seed + ": " + e.getMessage());
                return;
            }
        }
        throw new AssertionError("a program that is wrong was not caught by " + SEEDS_OF_A_CONTROL + " seeds");
    }

    private interface Change {
        Object result(Object result);
    }

    /** A client one of whose methods answers something else. */
    private static UnaryOperator<NfsClient> wrong(String method, Change change) {
        return client -> (NfsClient) Proxy.newProxyInstance(
                NfsClient.class.getClassLoader(), new Class<?>[] {NfsClient.class}, (proxy, called, arguments) -> {
                    try {
                        Object result = called.invoke(client, arguments);
                        return called.getName().equals(method) ? change.result(result) : result;
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    @Test
    void aProgramThatIgnoresTheVerifierIsCaught() throws Exception {
        UnaryOperator<NfsClient> writes = wrong("write", result -> {
            NfsClient.Written written = (NfsClient.Written) result;
            return new NfsClient.Written(written.durable(), true, 7);
        });
        UnaryOperator<NfsClient> commits = wrong("commit", result -> 7L);
        isCaught(NfsImageLife.RIGHT.with(client -> writes.apply(commits.apply(client))));
    }

    @Test
    void aProgramThatLooksOnlyAtTheLastVerifierIsCaught() throws Exception {
        isCaught(NfsImageLife.RIGHT.with(wrong("write", result -> {
            NfsClient.Written written = (NfsClient.Written) result;
            return new NfsClient.Written(written.durable(), true, written.verifier());
        })));
    }

    @Test
    void aProgramThatDoesNotCommitIsCaught() throws Exception {
        isCaught(NfsImageLife.RIGHT.with(wrong("write", result -> {
            NfsClient.Written written = (NfsClient.Written) result;
            return new NfsClient.Written(true, written.oneVerifier(), written.verifier());
        })));
    }

    @Test
    void aSuccessorThatDoesNotWriteAgainWhatWasKeptIsCaught() throws Exception {
        isCaught(NfsImageLife.RIGHT.inheriting(memory -> new SnapshotMemory()));
    }

    @Test
    void aSuccessorThatDoesNotWaitForItsPredecessorsRequestsIsCaught() throws Exception {
        isCaught(NfsImageLife.RIGHT.inheriting(SnapshotMemory::withoutDoubts));
    }

    @Test
    void aProgramThatDoesNotWaitForLateRequestsIsCaught() throws Exception {
        isCaught(NfsImageLife.RIGHT.with(Duration.ZERO));
    }

    @Test
    void aProgramThatBelievesACommitOnAnotherConnectionIsCaught() throws Exception {
        isCaught(NfsImageLife.RIGHT.believingAnyConnection());
    }
}
