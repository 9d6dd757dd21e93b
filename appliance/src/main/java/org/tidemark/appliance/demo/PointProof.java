package org.tidemark.appliance.demo;

import static org.tidemark.appliance.client.ApplianceClient.body;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.tidemark.appliance.client.Answer;
import org.tidemark.appliance.client.ApplianceClient;
import org.tidemark.ploop.filesystem.FileSystemType;

/**
 * Restores a point through the interface and holds it against what {@link DemoLoad} says it wrote. A point of grade
 * FILESYSTEM is checked as it is: its journal must be empty.
 */
public final class PointProof {
    private PointProof() {}

    /**
     * What came of it.
     *
     * @param findings of e2fsck; empty when there are none
     * @param deviceId the restored image is mounted still, as this device
     */
    public record Outcome(String findings, LoadProof.Result load, String deviceId) {
        /** Whether the point is what it has to be. */
        public boolean holds() {
            return findings.isEmpty() && load.holds();
        }

        /** What is wrong, in words. */
        public String words() {
            return findings + String.join("\n  ", load.violations());
        }
    }

    /**
     * Restores and compares.
     *
     * @param backup the result of the job that made the point
     * @param image where to, must not exist
     * @param root a folder to mount it on, made when missing
     * @param log what the load says
     */
    public static Outcome of(ApplianceClient api, String container, Answer backup, Path image, Path root, Path log)
            throws IOException {
        ApplianceClient.demandSuccess(api.run(body(
                "kind",
                "RESTORE",
                "container",
                container,
                "point",
                backup.text("pointId"),
                "destination",
                image.toString())));
        Files.createDirectories(root);
        if (backup.text("grade").equals("CRASH")) {
            // As after a loss of power: the file system is whole once its journal was replayed, which mounting does.
            Answer replayed = api.post("/devices", body("image", image.toString(), "mount", root.toString()));
            api.delete("/devices/" + replayed.text("deviceId"));
        }
        Answer device = api.post("/devices", body("image", image.toString()));
        String findings = FileSystemType.EXT4.check(Path.of(device.text("blockDevice")));
        api.delete("/devices/" + device.text("deviceId"));
        Answer mounted = api.post("/devices", body("image", image.toString(), "mount", root.toString()));
        long begun = backup.number("freezeBegunNanos");
        LoadProof.Result load = LoadProof.check(root.resolve("load"), log, begun, begun + backup.number("frozenNanos"));
        return new Outcome(findings, load, mounted.text("deviceId"));
    }
}
