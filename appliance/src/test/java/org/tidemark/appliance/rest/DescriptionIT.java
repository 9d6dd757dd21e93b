package org.tidemark.appliance.rest;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The page is made from the description that the build writes; an old copy of it would make a page for another interface. */
class DescriptionIT {
    private static final ObjectMapper JSON = new ObjectMapper();

    private static JsonNode read(String path) throws IOException {
        return JSON.readTree(Path.of(path).toFile());
    }

    @Test
    void thePagesCopyIsTheInterfaceAsItIs() throws IOException {
        assertThat(read("../ui/openapi.json"))
                .as("copy appliance/target/openapi/openapi.json to ui/openapi.json")
                .isEqualTo(read("target/openapi/openapi.json"));
    }

    @Test
    void anOldCopyWouldBeSeen() throws IOException {
        JsonNode now = read("target/openapi/openapi.json");
        assertThat(now.deepCopy().path("paths").has("/api/v1/overview")).isTrue();
        com.fasterxml.jackson.databind.node.ObjectNode old = now.deepCopy();
        ((com.fasterxml.jackson.databind.node.ObjectNode) old.path("paths")).remove("/api/v1/overview");
        assertThat(old).isNotEqualTo(now);
    }
}
