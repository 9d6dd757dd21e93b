package org.tidemark.appliance.rest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.tidemark.appliance.rest.Api.body;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.DriverManager;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.appliance.demo.ApplianceProcess;
import org.tidemark.ploop.testing.Leftovers;

/** Who is let in to what, by the packaged appliance. */
@Timeout(180)
class SecurityIT {
    private static final String WORD = "security-";
    private static final String PASSWORD = "correct horse battery";
    private static final Pattern SECRET = Pattern.compile("tdm_[A-Za-z0-9_-]{43}");
    /** Open to anybody, or to any caller whatever the scope; each has tests of its own. */
    private static final Set<String> OF_ANY_CALLER = Set.of(
            "GET /api/v1/setup",
            "POST /api/v1/setup",
            "GET /api/v1/session",
            "POST /api/v1/session",
            "DELETE /api/v1/session",
            "POST /api/v1/session/password");

    private static ApplianceProcess appliance;
    private static Api nobody;
    private static Api admin;
    private static Api.Answer setUp;

    @BeforeAll
    static void start() throws Exception {
        Path folder = Leftovers.freshFolder(WORD);
        appliance = ApplianceProcess.in(folder).start();
        nobody = Api.of(appliance);
        setUp = nobody.post(
                        "/api/v1/setup",
                        body("code", appliance.setupCode().orElseThrow(), "userName", "anna", "password", PASSWORD))
                .is(201);
        admin = nobody.withSession(setUp);
    }

    @AfterAll
    static void stop() throws Exception {
        appliance.close();
        Leftovers.clear(WORD);
    }

    private static Api.Answer makeToken(String name, String... scopes) throws Exception {
        return admin.post("/api/v1/tokens", body("name", name, "scopes", scopes))
                .is(201);
    }

    private static Api holderOf(String... scopes) throws Exception {
        return nobody.withToken(String.valueOf(makeToken("t", scopes).json().get("secret")));
    }

    private static Api.Answer signIn(String user, String password) throws Exception {
        return nobody.post("/api/v1/session", body("userName", user, "password", password));
    }

    /** Method and path of everything documented, with some word for each parameter. */
    @SuppressWarnings("unchecked")
    private static List<String> documented() throws Exception {
        var description = holderOf("read")
                .with("Accept", "application/json")
                .get("/q/openapi")
                .is(200);
        List<String> all = new ArrayList<>();
        var paths = (Map<String, Map<String, Object>>) description.json().get("paths");
        paths.forEach((path, methods) -> methods.keySet().stream()
                .filter(method ->
                        Set.of("get", "post", "put", "patch", "delete").contains(method))
                .forEach(method ->
                        all.add(method.toUpperCase(java.util.Locale.ROOT) + " " + path.replaceAll("\\{[^}]*}", "x"))));
        assertThat(all).contains("POST /api/v1/tokens", "DELETE /api/v1/users/x", "GET /api/v1/session");
        return all;
    }

    private static Api.Answer send(Api caller, String operation) throws Exception {
        String[] parts = operation.split(" ", 2);
        return caller.send(parts[0], parts[1], parts[0].startsWith("P") ? "{}" : null);
    }

    @Test
    void nobodyIsLetInToAnythingDocumented() throws Exception {
        for (String operation : documented()) {
            if (!operation.equals("GET /api/v1/setup") && !operation.matches("POST /api/v1/(setup|session)")) {
                Api.Answer answer = send(nobody, operation).problem(401, "not-authenticated", "give a token");
                assertThat(answer.header("www-authenticate")).contains("Bearer");
            }
        }
        for (String path : List.of(
                "/q/metrics",
                "/q/openapi",
                "/q/health",
                "/q/health/started",
                "/q/arc",
                "/q",
                "/api",
                "/api/v1/nothing",
                "/api/v1//users",
                "/api/v1/./users",
                "/api/v1/setup/../users",
                "/api/v1/users/",
                "//api/v1/users",
                "/api/v1/users;x=1",
                "/api;x=1/v1/users",
                "/api/v1/setup;/../users",
                "/%61pi/v1/users")) {
            assertThat(nobody.get(path).status()).as(path).isIn(401, 403);
            assertThat(nobody.post(path, "{}").status()).as(path).isIn(401, 403);
        }
        nobody.get("/q/health/live").is(200);
        nobody.get("/q/health/ready");
        assertThat(nobody.get("/api/v1/setup").is(200).json()).containsEntry("needed", false);
    }

    /** The control of the test above and of the next one: the same requests do go through for who may send them. */
    @Test
    void anAdministratorIsLetInToEverythingDocumented() throws Exception {
        for (String operation : documented()) {
            if (operation.startsWith("GET ") && !operation.contains("/events")) {
                assertThat(send(admin, operation).status()).as(operation).isNotIn(401, 403);
            }
        }
        assertThat(send(admin, "POST /api/v1/tokens").status()).isEqualTo(400);
        Api reader = holderOf("read");
        reader.get("/q/openapi").is(200);
        assertThat(reader.get("/q/metrics").is(200).body()).contains("jvm_");
    }

    @Test
    void aScopeThatIsTooSmallIsRefusedForEveryVerb() throws Exception {
        Api reader = holderOf("read");
        Api backup = holderOf("backup");
        for (String operation : documented()) {
            if (OF_ANY_CALLER.contains(operation) || operation.endsWith("/preview")) {
                continue;
            }
            Api tooSmall = operation.startsWith("GET ") ? backup : reader;
            send(tooSmall, operation).problem(403, "not-permitted", "do not allow this");
        }
        backup.get("/q/metrics").problem(403, "not-permitted", "do not allow this");
        reader.get("/q/health").problem(403, "not-permitted", "do not allow this");
    }

    @Test
    void aJobTakesTheScopeOfItsKind() throws Exception {
        String restore = body("kind", "RESTORE", "container", "c", "point", "latest", "destination", "/nowhere/x");
        String backup = body("kind", "BACKUP", "container", "c");
        holderOf("backup").post("/api/v1/jobs", restore).problem(403, "not-permitted", "do not allow this");
        holderOf("restore").post("/api/v1/jobs", backup).problem(403, "not-permitted", "do not allow this");
        // The control: the other way round they get as far as the missing container.
        assertThat(holderOf("backup").post("/api/v1/jobs", backup).status()).isIn(400, 404);
        assertThat(holderOf("restore").post("/api/v1/jobs", restore).status()).isIn(400, 404);
    }

    @Test
    void rolesOfUsersAreScopes() throws Exception {
        for (String role : List.of("viewer", "operator")) {
            admin.post("/api/v1/users", body("userName", role, "password", PASSWORD, "role", role))
                    .is(201);
            Api.Answer begun = signIn(role, PASSWORD).is(200);
            assertThat(begun.json())
                    .containsEntry("role", role)
                    .containsEntry(
                            "scopes", role.equals("viewer") ? List.of("read") : List.of("read", "backup", "restore"));
            Api user = nobody.withSession(begun);
            user.get("/q/metrics").is(200);
            user.get("/api/v1/users").problem(403, "not-permitted", "your role");
            user.post("/api/v1/tokens", body("name", "mine", "scopes", List.of("admin")))
                    .problem(403, "not-permitted", "");
        }
    }

    @Test
    void aSessionBeginsAndEnds() throws Exception {
        assertThat(setUp.header("set-cookie").orElseThrow()).contains("HttpOnly", "SameSite=Strict", "Path=/");
        Api.Answer begun = signIn("anna", PASSWORD).is(200);
        assertThat(begun.json()).containsEntry("userName", "anna").containsEntry("role", "admin");
        Api user = nobody.withSession(begun);
        assertThat(user.get("/api/v1/session").is(200).json()).containsEntry("userName", "anna");
        Api.Answer ended = user.delete("/api/v1/session").is(204);
        assertThat(ended.header("set-cookie").orElseThrow()).contains("Max-Age=0");
        user.get("/api/v1/session").problem(401, "not-authenticated", "session is over");
        nobody.with("Cookie", "tidemark-session=made-up")
                .get("/api/v1/users")
                .problem(401, "not-authenticated", "over");
        // An old cookie must not lock anybody out.
        user.post("/api/v1/session", body("userName", "anna", "password", PASSWORD))
                .is(200);
    }

    @Test
    void aCookieAloneChangesNothing() throws Exception {
        Api forged = nobody.with("Cookie", signIn("anna", PASSWORD).is(200).cookie());
        String token = body("name", "forged", "scopes", List.of("admin"));
        forged.get("/api/v1/tokens").is(200);
        forged.post("/api/v1/tokens", token).problem(403, "not-permitted", "X-Tidemark-Request");
        forged.delete("/api/v1/users/anna").problem(403, "not-permitted", "X-Tidemark-Request");
        forged.with("X-Tidemark-Request", "0").post("/api/v1/tokens", token).is(403);
        forged.with("X-Tidemark-Request", "1").post("/api/v1/tokens", token).is(201);
    }

    @Test
    void tokensEndAreRevokedAndAreWrongEachWithItsSentence() throws Exception {
        nobody.withToken("tdm_x").get("/api/v1/session").problem(401, "not-authenticated", "not known here");
        nobody.withToken("x".repeat(5000)).get("/api/v1/session").is(401);
        nobody.with("Authorization", "Basic YTpi")
                .get("/api/v1/session")
                .problem(401, "not-authenticated", "only tokens");
        Api.Answer made = makeToken("gone", "read");
        Api caller = nobody.withToken(String.valueOf(made.json().get("secret")));
        assertThat(caller.get("/api/v1/session").is(200).json()).containsEntry("tokenName", "gone");
        admin.delete("/api/v1/tokens/" + made.json().get("id")).is(204);
        caller.get("/api/v1/session").problem(401, "not-authenticated", "was revoked");
        admin.delete("/api/v1/tokens/nothing").problem(404, "not-found", "no token");

        Api.Answer dated = admin.post(
                        "/api/v1/tokens", body("name", "dated", "scopes", List.of("read"), "expiresInDays", 1))
                .is(201);
        Api late = nobody.withToken(String.valueOf(dated.json().get("secret")));
        late.get("/api/v1/session").is(200);
        appliance.stop();
        String database = "jdbc:h2:file:" + appliance.state().resolve("catalogue");
        try (var connection = DriverManager.getConnection(database);
                var statement = connection.createStatement()) {
            assertThat(statement.executeUpdate("UPDATE tokens SET expires_ms = 1000 WHERE name = 'dated'"))
                    .isEqualTo(1);
        }
        appliance.start();
        late.get("/api/v1/session").problem(401, "not-authenticated", "ended at 1970");
        admin.get("/api/v1/session").is(200);
    }

    @Test
    void anEventStreamEndsWithItsToken() throws Exception {
        Api.Answer made = makeToken("watcher", "read");
        Api watcher = nobody.withToken(String.valueOf(made.json().get("secret")));
        Api other = holderOf("read");
        CompletableFuture<Api.Answer> stream = watch(watcher);
        CompletableFuture<Api.Answer> goesOn = watch(other);
        TimeUnit.SECONDS.sleep(12);
        assertThat(stream).isNotDone();
        admin.delete("/api/v1/tokens/" + made.json().get("id")).is(204);
        assertThat(stream.get(60, TimeUnit.SECONDS).is(200).body()).contains("still here");
        assertThat(goesOn).isNotDone();
        watcher.get("/api/v1/jobs/events").problem(401, "not-authenticated", "was revoked");
    }

    private static CompletableFuture<Api.Answer> watch(Api caller) {
        return CompletableFuture.supplyAsync(() -> {
            try {
                return caller.get("/api/v1/jobs/events");
            } catch (IOException | InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
    }

    @Test
    void aDisabledUserIsOutAtOnce() throws Exception {
        admin.post("/api/v1/users", body("userName", "dora", "password", PASSWORD, "role", "operator"))
                .is(201);
        Api user = nobody.withSession(signIn("dora", PASSWORD).is(200));
        user.get("/api/v1/session").is(200);
        admin.patch("/api/v1/users/dora", body("disabled", true)).is(200);
        user.get("/api/v1/session").problem(401, "not-authenticated", "session is over");
        signIn("dora", PASSWORD).problem(401, "not-authenticated", "disabled; ask an administrator");
        signIn("dora", "wrong").problem(401, "not-authenticated", "user name or password is wrong");
        admin.patch("/api/v1/users/dora", body("disabled", false)).is(200);
        signIn("dora", PASSWORD).is(200);
    }

    @Test
    void anotherPasswordEndsTheSessions() throws Exception {
        admin.post("/api/v1/users", body("userName", "paul", "password", PASSWORD, "role", "viewer"))
                .is(201);
        Api user = nobody.withSession(signIn("paul", PASSWORD).is(200));
        String other = "another horse battery";
        user.post("/api/v1/session/password", body("oldPassword", "wrong", "newPassword", other))
                .is(401);
        user.post("/api/v1/session/password", body("oldPassword", PASSWORD, "newPassword", "short"))
                .is(400);
        Api.Answer begun = user.post("/api/v1/session/password", body("oldPassword", PASSWORD, "newPassword", other))
                .is(200);
        user.get("/api/v1/session").is(401);
        nobody.withSession(begun).get("/api/v1/session").is(200);
        signIn("paul", PASSWORD).is(401);
        signIn("paul", other).is(200);
    }

    @Test
    void guessingIsSlowedDown() throws Exception {
        admin.post("/api/v1/users", body("userName", "gina", "password", PASSWORD, "role", "viewer"))
                .is(201);
        int guesses = 0;
        Api.Answer answer;
        do {
            answer = signIn("gina", "guess " + guesses++);
        } while (answer.status() == 401 && guesses < 50);
        answer.problem(429, "too-many-requests", "try again in");
        assertThat(guesses).isBetween(5, 10);
        assertThat(Integer.parseInt(answer.header("retry-after").orElseThrow())).isBetween(1, 300);
        signIn("gina", PASSWORD).is(429);
        signIn("anna", PASSWORD).is(200);
    }

    @Test
    void theLastAdministratorStays() throws Exception {
        admin.delete("/api/v1/users/anna").problem(409, "conflict", "last administrator");
        admin.patch("/api/v1/users/anna", body("role", "viewer")).problem(409, "conflict", "last administrator");
        admin.patch("/api/v1/users/anna", body("disabled", true)).problem(409, "conflict", "last administrator");
        admin.post("/api/v1/users", body("userName", "emil", "password", PASSWORD, "role", "admin"))
                .is(201);
        admin.patch("/api/v1/users/emil", body("role", "viewer")).is(200);
        admin.delete("/api/v1/users/emil").is(204);
        admin.delete("/api/v1/users/emil").problem(404, "not-found", "no user");
    }

    @Test
    void whatMakesNoSenseIsNamed() throws Exception {
        String path = "/api/v1/tokens";
        admin.post(path, "{").problem(400, "usage", "not valid JSON");
        admin.post(path, "[]").is(400);
        admin.post(path, "").problem(400, "usage", "body");
        admin.post(path, "{\"name\":\"a\",\"scopes\":[\"read\"],\"scope\":1}").problem(400, "usage", "'scope'");
        admin.post(path, "{\"name\":\"a\",\"scopes\":[\"root\"]}").problem(400, "usage", "'root'");
        admin.post(path, "{\"name\":\"a\"}").problem(400, "usage", "'scopes'");
        admin.post(path, body("name", "a", "scopes", List.of("read"), "expiresInDays", 0))
                .problem(400, "usage", "'expiresInDays'");
        admin.post(path, "{\"a\":".repeat(2000) + "1" + "}".repeat(2000)).is(400);
        admin.get(path + "?limit=0").problem(400, "usage", "'limit'");
        for (String name : List.of("../x", "a/b", "", " ", ".", "..", "a\\u0000", "a\\nb", "x".repeat(65))) {
            admin.post(
                            "/api/v1/users",
                            "{\"userName\":\"" + name + "\",\"password\":\"" + PASSWORD + "\",\"role\":\"admin\"}")
                    .problem(400, "usage", "userName");
        }
        for (String name : List.of("..%2f..%2fetc%2fpasswd", "..%5c..", "%2e%2e%2f", "%00", "a%0ab")) {
            Api.Answer answer = admin.delete("/api/v1/users/" + name);
            assertThat(answer.status()).as(name).isIn(400, 404);
            assertThat(answer.body()).doesNotContain("passwd");
        }
        admin.get("/..%2f..%2f..%2fetc%2fpasswd").is(404);
    }

    @Test
    void aBodyThatIsTooLargeIsRefused() throws Exception {
        String name = "x".repeat((1 << 20) - 40);
        admin.post("/api/v1/tokens", body("name", name, "scopes", List.of("read")))
                .problem(400, "usage", "'name'");
        admin.post("/api/v1/tokens", body("name", name + "x".repeat(100), "scopes", List.of("read")))
                .problem(413, "too-large", "larger than 1 MiB");
        nobody.post("/api/v1/session", "x".repeat(2 << 20)).problem(413, "too-large", "1 MiB");
        var unknownLength = java.net.http.HttpRequest.BodyPublishers.ofInputStream(
                () -> new java.io.ByteArrayInputStream(new byte[2 << 20]));
        admin.sendBody("POST", "/api/v1/tokens", unknownLength).problem(411, "usage", "Content-Length");
    }

    @Test
    void listsComeInParts() throws Exception {
        for (int i = 0; i < 3; i++) {
            makeToken("part " + i, "read");
        }
        Api.Answer first = admin.get("/api/v1/tokens?limit=2").is(200);
        assertThat((List<?>) first.json().get("items")).hasSize(2);
        Api.Answer next = admin.get(
                        "/api/v1/tokens?limit=500&after=" + first.json().get("next"))
                .is(200);
        assertThat((List<?>) next.json().get("items")).isNotEmpty();
        assertThat(next.json().get("next")).isNull();
        assertThat(first.body()).doesNotContain("secret");
    }

    @Test
    void pagesHaveTheHeadersOfTheirProtection() throws Exception {
        Api.Answer page = nobody.get("/containers").is(200);
        assertThat(page.header("content-security-policy").orElseThrow())
                .contains("default-src 'self'", "frame-ancestors 'none'")
                .doesNotContain("unsafe-eval");
        assertThat(page.header("x-content-type-options")).contains("nosniff");
        assertThat(page.header("strict-transport-security")).isEmpty();
        assertThat(page.header("cache-control")).contains("no-cache");
        assertThat(nobody.with("Accept", "text/html")
                        .get("/containers/web.1")
                        .is(200)
                        .body())
                .isEqualTo(page.body());
        assertThat(nobody.get("/assets/missing.js").status()).isEqualTo(404);
        assertThat(admin.get("/api/v1/tokens").header("cache-control")).contains("no-store");
    }

    @Test
    void noSecretIsInTheLogOrReadableInTheCatalogue() throws Exception {
        Api.Answer made = makeToken("logged", "read");
        signIn("anna", "a wrong password");
        String log = Files.readString(appliance.log());
        assertThat(log)
                .contains("anna from 127.0.0.1: signed in")
                .contains("anna from 127.0.0.1: failed to sign in")
                .contains("'logged' for [read]")
                .doesNotContain(PASSWORD)
                .doesNotContain("a wrong password")
                .doesNotContain(String.valueOf(made.json().get("secret")));
        String catalogue = new String(
                Files.readAllBytes(appliance.state().resolve("catalogue.mv.db")), StandardCharsets.ISO_8859_1);
        Matcher secrets = SECRET.matcher(log + catalogue);
        assertThat(secrets.find()).isFalse();
        assertThat(catalogue).contains("$argon2id$").doesNotContain(PASSWORD);
    }
}
