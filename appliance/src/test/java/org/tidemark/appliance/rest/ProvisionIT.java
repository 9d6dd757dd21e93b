package org.tidemark.appliance.rest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.tidemark.appliance.client.ApplianceClient.body;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.appliance.cli.Cli;
import org.tidemark.appliance.client.ApplianceClient;
import org.tidemark.appliance.demo.ApplianceProcess;
import org.tidemark.ploop.testing.Requires;

/** What a file says has to exist is made at the start: that is how the chart sets an appliance up. */
@Requires({"root", "fuse", "loop", "mkfs.ext4"})
@Timeout(180)
class ProvisionIT {
    private static final int USAGE = 2;

    private Cli cli;
    private Path file;
    private Path image;

    @BeforeEach
    void start() throws Exception {
        cli = Cli.start("provision-");
        file = cli.path("provision.json");
        image = cli.path("image");
        cli.ok("image", "create", image.toString(), "--size", "64M", "--fs", "ext4");
        cli.appliance().with("--provision=" + file);
    }

    @AfterEach
    void stop() throws IOException {
        cli.close();
    }

    private String target(String path) {
        return "{\"name\": \"t\", \"kind\": \"LOCAL\", \"local\": {\"path\": \"" + path + "\"}}";
    }

    private String whole(String targetPath, int everySeconds) {
        return "{\"targets\": [" + target(targetPath)
                + "], \"containers\": [{\"name\": \"c\", \"images\": [{\"path\": \""
                + image + "\"}]}], \"policies\": [{\"name\": \"p\", \"containers\": [\"c\"], \"target\": \"t\","
                + " \"schedule\": {\"kind\": \"EVERY\", \"everySeconds\": " + everySeconds + "}, \"enabled\": false}]}";
    }

    @Test
    void whatTheFileSaysExistsAfterTheStartAndStaysAsItIsAfterwards() throws Exception {
        Files.writeString(file, whole(cli.path("target").toString(), 300));
        ApplianceClient client = cli.client();
        assertThat(client.get("/targets/t").text("address"))
                .isEqualTo(cli.path("target").toString());
        assertThat(client.get("/containers/c").objects("images")).hasSize(1);
        assertThat(client.get("/policies/p").object("schedule").number("everySeconds"))
                .isEqualTo(300);
        ApplianceClient.demandSuccess(client.run(body("kind", "BACKUP", "container", "c")));

        // What exists belongs to those who use it, whatever the file says later.
        Files.writeString(file, whole(cli.path("elsewhere").toString(), 600));
        cli.appliance().restart();
        ApplianceClient again = cli.client();
        assertThat(again.list("/targets")).hasSize(1);
        assertThat(again.get("/policies/p").object("schedule").number("everySeconds"))
                .isEqualTo(300);
        assertThat(cli.path("elsewhere")).doesNotExist();
        assertThat(again.list("/containers/c/points?target=t")).hasSize(1);
    }

    @Test
    void aTargetThatIsDownDoesNotKeepTheApplianceDown() throws Exception {
        Path blocked = Files.writeString(cli.path("a-file"), "x");
        Files.writeString(file, "{\"targets\": [" + target(blocked + "/below") + "]}");
        ApplianceClient client = cli.client();
        assertThat(client.list("/targets")).isEmpty();
        assertThat(cli.appliance().said())
                .contains("target 't' could not be made")
                .contains(blocked.toString())
                .contains("tried again at the next start")
                .doesNotContain("\tat ");
        Files.delete(blocked);
        cli.appliance().restart();
        assertThat(cli.client().list("/targets")).hasSize(1);
    }

    @Test
    void aFileThatMakesNoSenseIsRefusedWithItsPlace() throws Exception {
        refused("{\"targets\": [", "provision.json");
        refused("{\"tragets\": []}", "tragets");
        refused("{\"targets\": [{\"kind\": \"LOCAL\", \"local\": {\"path\": \"/x\"}}]}", "name");
        refused(
                "{\"targets\": [{\"name\": \"../x\", \"kind\": \"LOCAL\", \"local\": {\"path\": \"/x\"}}]}",
                "letters, digits");
        Files.delete(file);
        refused(null, "provision.json");
    }

    private void refused(String text, String words) throws Exception {
        if (text != null) {
            Files.writeString(file, text);
        }
        ApplianceProcess appliance = cli.appliance();
        appliance.launch();
        assertThat(appliance.awaitEnd()).as(appliance.said()).isEqualTo(USAGE);
        assertThat(appliance.said().lines().filter(line -> line.startsWith("tidemark: ")))
                .singleElement()
                .asString()
                .contains(words);
        assertThat(appliance.said()).doesNotContain("\tat ");
    }
}
