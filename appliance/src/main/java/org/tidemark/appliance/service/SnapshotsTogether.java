package org.tidemark.appliance.service;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.ploop.chain.ChainProgress;
import org.tidemark.ploop.chain.Guid;
import org.tidemark.ploop.filesystem.FrozenInstant;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;
import org.tidemark.ploop.server.Fields;
import org.tidemark.ploop.server.HolderWatchdog;

/**
 * A snapshot of several images, of the same name in each.
 *
 * <pre>
 *   those that are attached prepared | those that are not: taken | file systems frozen | every device held | every
 *   snapshot taken | devices go on | thawed
 * </pre>
 *
 * When something fails the snapshot is deleted wherever it is. A crash of the host in the middle, or of this process after a
 * failure, leaves it in some of the images, under the one name.
 */
final class SnapshotsTogether {
    private final Snapshots snapshots;
    private final Snapshots.Planes planes;

    SnapshotsTogether(Snapshots snapshots, Snapshots.Planes planes) {
        this.snapshots = snapshots;
        this.planes = planes;
    }

    Snapshots.Together create(List<String> words) throws IOException {
        if (words.isEmpty() || new HashSet<>(words).size() != words.size()) {
            throw ApplianceException.usage("give each image once");
        }
        UUID name = UUID.randomUUID();
        try {
            return take(words, name);
        } catch (IOException | RuntimeException e) {
            undo(words, Guid.of(name), e);
            throw e;
        }
    }

    private Snapshots.Together take(List<String> words, UUID name) throws IOException {
        Optional<DataPlane> running = planes.connect();
        if (running.isEmpty()) {
            for (String word : words) {
                snapshots.create(word, name);
            }
            return new Snapshots.Together(Guid.of(name), words, "closed", 0, "");
        }
        try (DataPlane plane = running.get()) {
            Map<String, AttachedDevice> attached = new LinkedHashMap<>();
            for (String word : words) {
                Optional<AttachedDevice> device = Snapshots.find(plane, word);
                if (device.isPresent()) {
                    attached.put(word, device.get());
                }
            }
            DataPlane.requireOneServer(attached.values());
            List<String> prepared = prepare(plane, attached, name);
            for (String word : words) {
                if (!attached.containsKey(word)) {
                    snapshots.create(word, name);
                }
            }
            return attached.isEmpty()
                    ? new Snapshots.Together(Guid.of(name), words, "closed", 0, "")
                    : atOneInstant(plane, words, attached, prepared, name);
        }
    }

    private static List<String> prepare(DataPlane plane, Map<String, AttachedDevice> attached, UUID name)
            throws IOException {
        List<String> prepared = new ArrayList<>();
        for (AttachedDevice device : attached.values()) {
            prepared.add(plane.client(device)
                    .request(
                            "snapshot.prepare",
                            Fields.of("device", device.deviceId(), "snapshot", Guid.of(name)),
                            Snapshots.PREPARE_LIMIT)
                    .text("prepared"));
        }
        return prepared;
    }

    private static Snapshots.Together atOneInstant(
            DataPlane plane, List<String> words, Map<String, AttachedDevice> attached, List<String> prepared, UUID name)
            throws IOException {
        List<Path> mounts = new ArrayList<>();
        String unfrozen = "";
        for (AttachedDevice device : attached.values()) {
            List<Path> points = DataPlane.mountPoints(device);
            if (points.isEmpty()) {
                unfrozen = "no mounted file system is known for " + device.image();
            } else {
                mounts.add(points.get(0));
            }
        }
        AttachedDevice any = attached.values().iterator().next();
        FrozenInstant frozen = new FrozenInstant(new HolderWatchdog(any.server()), BackupService.FREEZE_LIMIT);
        FrozenInstant.Outcome<Fields> outcome = frozen.run(mounts, () -> plane.client(any)
                .request("snapshot.createTogether", Fields.of("prepared", prepared), Snapshots.INSTANT_LIMIT));
        String notice = outcome.notice().isEmpty() ? unfrozen : outcome.notice();
        return new Snapshots.Together(
                Guid.of(name),
                words,
                notice.isEmpty() ? outcome.grade().name().toLowerCase(Locale.ROOT) : "crash",
                (outcome.frozenNanos() + 999_999) / 1_000_000,
                notice);
    }

    private void undo(List<String> words, String guid, Exception cause) {
        for (String word : words) {
            try {
                if (snapshots.list(word).stream().anyMatch(one -> one.guid().equals(guid) && !one.temporary())) {
                    snapshots.delete(word, guid, ChainProgress.NONE);
                }
            } catch (IOException | RuntimeException e) {
                cause.addSuppressed(e);
            }
        }
    }
}
