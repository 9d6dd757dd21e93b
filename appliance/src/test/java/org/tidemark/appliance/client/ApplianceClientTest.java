package org.tidemark.appliance.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;

/** What is sent, and what an answer becomes. */
@Timeout(60)
class ApplianceClientTest {
    @TempDir
    private Path folder;

    private static ApplianceException failure(ThrowingCallable call) {
        return catchThrowableOfType(ApplianceException.class, call);
    }

    @Test
    void everyMethodSendsItsBodyAndItsToken() throws Exception {
        try (FakeAppliance server = FakeAppliance.start(exchange -> {
            assertThat(exchange.getRequestHeaders().getFirst("Authorization")).isEqualTo("Bearer tdm_test");
            boolean gone = exchange.getRequestMethod().equals("DELETE");
            FakeAppliance.json(exchange, gone ? 204 : 200, gone ? "" : "{\"name\":\"web\",\"size\":7,\"ok\":true}");
        })) {
            ApplianceClient client = server.client();
            Answer answer = client.get(ApiPath.of("containers", "a b/c"));
            assertThat(answer.text("name")).isEqualTo("web");
            assertThat(answer.number("size")).isEqualTo(7);
            assertThat(answer.flag("ok")).isTrue();
            assertThat(answer.text("none")).isEmpty();
            client.post("/jobs", ApplianceClient.body("kind", "BACKUP", "target", null));
            client.put("/policies/p", Map.of("enabled", false));
            client.patch("/users/u", Map.of("disabled", true));
            client.delete("/users/u");
            assertThat(server.asked())
                    .containsExactly(
                            "GET /api/v1/containers/a%20b%2Fc",
                            "POST /api/v1/jobs {\"kind\":\"BACKUP\"}",
                            "PUT /api/v1/policies/p {\"enabled\":false}",
                            "PATCH /api/v1/users/u {\"disabled\":true}",
                            "DELETE /api/v1/users/u");
        }
    }

    @Test
    void problemsKeepTheirKindAndTheirWords() throws Exception {
        for (FailureKind kind : FailureKind.values()) {
            String body = "{\"type\":\"urn:tidemark:problem:" + kind.code() + "\",\"status\":" + kind.status()
                    + ",\"code\":\"" + kind.code() + "\",\"detail\":\"it is " + kind.code() + "\"}";
            try (FakeAppliance server =
                    FakeAppliance.start(exchange -> FakeAppliance.json(exchange, kind.status(), body))) {
                ApplianceException get = failure(() -> server.client().get("/overview"));
                assertThat(get.kind()).isEqualTo(kind);
                assertThat(get).hasMessage("it is " + kind.code());
                ApplianceException patch = failure(() -> server.client().patch("/users/u", Map.of()));
                assertThat(patch.kind()).isEqualTo(kind);
            }
        }
    }

    @Test
    void anAnswerThatIsNoneOfOurs() throws Exception {
        try (FakeAppliance server = FakeAppliance.start(
                exchange -> FakeAppliance.send(exchange, 404, "text/html", "<html>not here</html>"))) {
            ApplianceException failure = failure(() -> server.client().get("/overview"));
            assertThat(failure.kind()).isEqualTo(FailureKind.NOT_FOUND);
            assertThat(failure).hasMessageContaining("is that an appliance?");
        }
    }

    @Test
    void listsAreFetchedPageByPage() throws Exception {
        try (FakeAppliance server = FakeAppliance.start(exchange -> {
            String query = exchange.getRequestURI().getQuery();
            FakeAppliance.json(
                    exchange,
                    200,
                    query.contains("after=2")
                            ? "{\"items\":[{\"id\":3}],\"next\":null}"
                            : "{\"items\":[{\"id\":1},{\"id\":2}],\"next\":\"2\"}");
        })) {
            assertThat(server.client().list("/jobs?state=RUNNING").stream().map(one -> one.number("id")))
                    .containsExactly(1L, 2L, 3L);
            assertThat(server.client().list("/jobs", 2)).hasSize(2);
            assertThat(server.asked())
                    .containsExactly(
                            "GET /api/v1/jobs?state=RUNNING&limit=200",
                            "GET /api/v1/jobs?state=RUNNING&limit=200&after=2",
                            "GET /api/v1/jobs?limit=200");
        }
    }

    @Test
    void aServerThatDoesNotAnswerIsNotWaitedForForEver() throws Exception {
        try (ServerSocket silent = new ServerSocket(0)) {
            String url = "http://127.0.0.1:" + silent.getLocalPort();
            ApplianceClient client = new ApplianceClient(
                    () -> new Endpoint(url, "tdm_test", null, null, false), FakeAppliance.impatient());
            ApplianceException get = failure(() -> client.get("/overview"));
            assertThat(get.kind()).isEqualTo(FailureKind.UNREACHABLE);
            assertThat(get).hasMessageContaining("did not answer in time");
            ApplianceException patch = failure(() -> client.patch("/users/u", Map.of()));
            assertThat(patch.kind()).isEqualTo(FailureKind.UNREACHABLE);
            assertThat(patch).hasMessageContaining("did not answer in time");
        }
    }

    @Test
    void nobodyListens() throws Exception {
        int port;
        try (ServerSocket gone = new ServerSocket(0)) {
            port = gone.getLocalPort();
        }
        ApplianceException failure = failure(
                () -> ApplianceClient.of("http://127.0.0.1:" + port, "tdm_test").get("/overview"));
        assertThat(failure.kind()).isEqualTo(FailureKind.UNREACHABLE);
        assertThat(failure).hasMessageContaining("127.0.0.1:" + port);
    }

    @Test
    void theApplianceIsFoundByOptionsThenByTheEnvironmentThenOnThisHost() throws Exception {
        Path token = Files.writeString(folder.resolve("token"), "tdm_file\n");
        Map<String, String> environment = Map.of(
                "TIDEMARK_URL", "https://elsewhere:1/",
                "TIDEMARK_TOKEN", "tdm_environment",
                "TIDEMARK_CA", "/some/ca.pem",
                "TIDEMARK_STATE", folder.toString());
        Endpoint byOption = new ApplianceFinder("https://here:2", token, environment).find();
        assertThat(byOption.url()).isEqualTo("https://here:2");
        assertThat(byOption.token()).isEqualTo("tdm_file");
        Endpoint byEnvironment = new ApplianceFinder(null, null, environment).find();
        assertThat(byEnvironment.url()).isEqualTo("https://elsewhere:1");
        assertThat(byEnvironment.token()).isEqualTo("tdm_environment");
        assertThat(byEnvironment.authority()).isEqualTo(Path.of("/some/ca.pem"));
        assertThat(byEnvironment.toString()).doesNotContain("tdm_");
        Map<String, String> pinned = Map.of(
                "TIDEMARK_URL", "https://elsewhere:1", "TIDEMARK_TOKEN", "t", "TIDEMARK_CERTIFICATE_SHA256", "AB:CD ");
        assertThat(new ApplianceFinder(null, null, pinned).find().certificateSha256())
                .isEqualTo("AB:CD");

        Map<String, String> local = Map.of("TIDEMARK_STATE", folder.toString());
        ApplianceException none = failure(() -> new ApplianceFinder(null, null, local).find());
        assertThat(none.kind().exitCode()).isEqualTo(1);
        assertThat(none).hasMessageContaining("no appliance runs here; start it with 'tidemark serve'");
        writeAccess(ProcessHandle.current().pid());
        Endpoint found = new ApplianceFinder(null, null, local).find();
        assertThat(found.certificateSha256()).isEqualTo("ab");
        assertThat(found.local()).isTrue();
        Process ended = new ProcessBuilder("true").start();
        assertThat(ended.waitFor()).isZero();
        writeAccess(ended.pid());
        assertThat(failure(() -> new ApplianceFinder(null, null, local).find()))
                .hasMessageContaining("no appliance runs here");
    }

    private void writeAccess(long pid) throws IOException {
        Files.writeString(
                folder.resolve("local-access.json"),
                "{\"url\":\"https://127.0.0.1:9\",\"token\":\"tdm_x\",\"certificateSha256\":\"ab\",\"pid\":" + pid
                        + "}");
    }

    @Test
    void whatMakesNoSenseIsSaid() {
        for (String url : List.of("nowhere", "ftp://host", "http://", "://")) {
            assertThatThrownBy(() -> new ApplianceFinder(url, null, Map.of("TIDEMARK_TOKEN", "t")).find())
                    .hasMessageContaining("no address of an appliance");
        }
        assertThatThrownBy(() -> new ApplianceFinder("https://host", null, Map.of()).find())
                .hasMessageContaining("needs a token");
        assertThatThrownBy(() -> new ApplianceFinder("https://host", folder.resolve("none"), Map.of()).find())
                .hasMessageContaining("token cannot be read");
    }

    @Test
    void theErrorOfAJobBecomesAFailureOfItsKind() throws Exception {
        Answer damaged = Answer.of(
                Map.of("id", "7", "state", "FAILED", "error", Map.of("code", "damaged", "detail", "a chunk is wrong")));
        assertThat(failure(() -> ApplianceClient.demandSuccess(damaged)).kind().exitCode())
                .isEqualTo(5);
        Answer cancelled = Answer.of(Map.of("id", "7", "state", "CANCELLED"));
        assertThat(failure(() -> ApplianceClient.demandSuccess(cancelled))).hasMessage("job 7 was cancelled");
        Answer done = Answer.of(Map.of("id", "7", "state", "SUCCEEDED"));
        assertThat(ApplianceClient.demandSuccess(done)).isSameAs(done);
    }
}
