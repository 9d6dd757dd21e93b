package org.tidemark.appliance.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.tidemark.appliance.client.ApplianceClient.body;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.tidemark.appliance.cli.Cli;
import org.tidemark.appliance.client.Answer;
import org.tidemark.appliance.client.ApplianceClient;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.NfsServerProcess;
import org.tidemark.ploop.testing.Requires;

/**
 * Backups of a real appliance to a real NFS server that dies, hangs, runs full and turns read-only under them: the job goes on, or ends
 * with a sentence; the next backup is right; each point that was committed restores bit for bit.
 *
 * <p>{@code -Dnfs.hangSeconds=60}: it hangs for a whole minute, longer than the client's patience for one request.
 */
@Requires({"root", "fuse", "loop", "mkfs.ext4", "fallocate", "ganesha.nfsd", "rpcbind", "ip"})
@Timeout(600)
@EnabledIfSystemProperty(
        named = "nfs.hangSeconds",
        matches = "[0-9]+",
        disabledReason = "takes minutes: -Dnfs.hangSeconds=60")
class NfsBackupFaultIT {
    private static final int HANG_SECONDS = Integer.getInteger("nfs.hangSeconds", 3);
    private static final int SERVER_MIB = 512;

    private NfsServerProcess server;
    private Cli cli;
    private ApplianceClient api;
    private String block;
    /** What the disk held at each point. */
    private final Map<String, String> sums = new LinkedHashMap<>();

    @BeforeEach
    void start() throws Exception {
        server = NfsServerProcess.start(SERVER_MIB);
        cli = Cli.start("nfs-jobs-");
        Path image = cli.path("image");
        cli.ok("image", "create", image.toString(), "--size", "128M", "--no-partition");
        block = cli.attach(image, "--name", "d");
        Cli.random(block, 0, 24);
        api = cli.client();
        cli.ok("container", "add", "c", "--image", image.toString());
        cli.ok("target", "add", "nas", "nfs://" + server.address() + server.export() + "/backups");
        committed(begin());
    }

    @AfterEach
    void stop() throws Exception {
        cli.close();
        server.close();
    }

    private static String sum(String block) throws Exception {
        return Commands.run(Cli.LIMIT, "sha256sum", block).split(" ")[0];
    }

    private Answer begin() throws IOException {
        return api.post("/jobs", body("kind", "BACKUP", "container", "c"));
    }

    /** One that has read something, so that what follows meets it in the middle. */
    private Answer beginAndRead() throws Exception {
        Answer job = begin();
        Cli.await(
                "the backup reads",
                () -> api.get("/jobs/" + job.text("id")).object("progress").number("doneBytes") > 0);
        return job;
    }

    private Answer end(Answer job) throws IOException {
        return api.watch(job.text("id"), one -> {});
    }

    private void committed(Answer job) throws Exception {
        Answer result = ApplianceClient.demandSuccess(end(job)).object("result");
        sums.put(result.text("pointId"), sum(block));
    }

    private void failed(Answer job, String code, String... words) throws IOException {
        Answer ended = end(job);
        assertThat(ended.text("state")).as(ended.toString()).isEqualTo("FAILED");
        Answer error = ended.object("error");
        System.out.println(error.text("code") + ": " + error.text("detail"));
        assertThat(error.text("code")).isEqualTo(code);
        assertThat(error.text("detail")).contains(words).doesNotContain("Exception");
    }

    private void restores(String point) throws Exception {
        Path image = cli.path("restored");
        ApplianceClient.demandSuccess(
                api.run(body("kind", "RESTORE", "container", "c", "point", point, "destination", image.toString())));
        String copy = cli.attach(image, "--name", "restored", "--read-only");
        assertThat(sum(copy)).as("point " + point).isEqualTo(sums.get(point));
        cli.ok("detach", "restored");
        Commands.run(Cli.LIMIT, "rm", "-r", image.toString());
    }

    private void allRestore() throws Exception {
        for (String point : sums.keySet()) {
            restores(point);
        }
        assertThat(api.list("/containers/c/points?target=nas")).hasSize(sums.size());
    }

    @Test
    void aServerThatBouncesAndHangsIsAPause() throws Exception {
        Cli.random(block, 24, 70);
        Answer bounced = beginAndRead();
        for (int i = 0; i < 2; i++) {
            server.kill();
            Thread.sleep(700);
            server.run();
            Thread.sleep(100);
        }
        committed(bounced);

        Cli.random(block, 10, 40);
        Answer inTheMiddle = beginAndRead();
        hang();
        committed(inTheMiddle);

        Cli.random(block, 60, 5);
        server.stall();
        Answer fromTheStart = begin();
        hang();
        committed(fromTheStart);

        assertThat(sums).hasSize(4);
        allRestore();
    }

    private void hang() throws Exception {
        server.stall();
        long begun = System.nanoTime();
        TimeUnit.SECONDS.sleep(HANG_SECONDS);
        server.resume();
        System.out.println("the server hung for " + (System.nanoTime() - begun) / 1_000_000 + " ms");
    }

    @Test
    void aServerThatIsFullOrReadOnlyEndsTheJobAndTheNextOneIsRight() throws Exception {
        server.fillUp(40);
        Cli.random(block, 24, 90);
        failed(begin(), "failed", "no room left", "make room on the server");
        allRestore();
        server.makeRoom();
        committed(begin());

        Cli.random(block, 10, 60);
        Answer job = beginAndRead();
        server.stall(); // It cannot end before the server is another one.
        server.changeExport("Access_Type = RW", "Access_Type = RO");
        failed(job, "not-permitted", "read-only", "export it rw");
        allRestore();
        failed(begin(), "not-permitted", "read-only", "export it rw");
        server.changeExport("Access_Type = RO", "Access_Type = RW");
        committed(begin());

        assertThat(sums).hasSize(3);
        allRestore();
        ApplianceClient.demandSuccess(api.run(body("kind", "VERIFY", "container", "c", "point", "latest")));
        try (var rests = Files.list(server.export().resolve("backups/.tmp"))) {
            assertThat(rests).as("what failed puts left behind").hasSizeLessThanOrEqualTo(8);
        }
    }
}
