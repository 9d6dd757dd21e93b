package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.client.Answer;
import org.tidemark.appliance.client.ApiPath;
import org.tidemark.appliance.client.ApplianceClient;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.service.DataPlane;
import org.tidemark.appliance.service.SnapshotMounts;
import org.tidemark.appliance.service.Snapshots;
import org.tidemark.ploop.chain.Guid;
import org.tidemark.ploop.chain.SnapshotOperations;
import org.tidemark.ploop.format.qcow2.Snapshot;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code tidemark snapshot ...}, on files and on attached devices. */
@Command(
        name = "snapshot",
        description = "Snapshots kept in the image itself, of an image on its own or of an attached device.",
        mixinStandardHelpOptions = true,
        subcommands = {
            SnapshotCommand.Create.class,
            SnapshotCommand.ListAll.class,
            SnapshotCommand.Delete.class,
            SnapshotCommand.Merge.class,
            SnapshotCommand.Switch.class,
            SnapshotCommand.Mount.class,
            SnapshotCommand.Unmount.class
        })
final class SnapshotCommand {
    private static final String IMAGE =
            "A folder with DiskDescriptor.xml, its address nfs://SERVER/EXPORT/IMAGE, or a qcow2 file; or a device, by its"
                    + " name, block device or mount point.";

    private static final String GUID = "The snapshot, as 'tidemark snapshot list' shows it.";

    static Snapshots snapshots() {
        return Snapshots.ofCommand(() -> DataPlane.connectIfRunning(System.getenv()));
    }

    @Command(
            name = "create",
            description = {
                "Freeze the present content as a level of the chain. A mounted file system is frozen for the moment.",
                "Several images, or all of a container, get it at one instant and under one name, or none of them does."
            },
            mixinStandardHelpOptions = true)
    static final class Create implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Parameters(paramLabel = "IMAGE", arity = "0..*", description = IMAGE)
        private List<String> images = new ArrayList<>();

        @Option(
                names = "--container",
                paramLabel = "NAME",
                description = "All images of a container that the appliance knows, instead of naming them.")
        private @Nullable String container;

        @Override
        public Integer call() throws IOException {
            String ofContainer = container;
            if (images.isEmpty() == (ofContainer == null)) {
                throw ApplianceException.usage("give one or more images, or --container");
            }
            if (ofContainer != null) {
                Answer made = access.client()
                        .post(ApiPath.of("containers", ofContainer, "snapshots"), ApplianceClient.body());
                tell(new Snapshots.Together(
                        made.text("id"),
                        made.texts("images"),
                        made.text("grade"),
                        made.number("frozenMillis"),
                        made.text("notice")));
            } else if (images.size() > 1) {
                tell(snapshots().createTogether(images));
            } else {
                tell(snapshots().create(images.get(0)));
            }
            return ExitCodes.DONE;
        }

        private void tell(Snapshots.Created made) throws IOException {
            output.object(fields(
                    "image",
                    made.image(),
                    "snapshot",
                    made.guid(),
                    "grade",
                    made.grade(),
                    "frozenMillis",
                    made.frozenMillis(),
                    "notice",
                    made.notice()));
        }

        private void tell(Snapshots.Together made) throws IOException {
            output.object(fields(
                    "images",
                    made.images(),
                    "snapshot",
                    made.guid(),
                    "grade",
                    made.grade(),
                    "frozenMillis",
                    made.frozenMillis(),
                    "notice",
                    made.notice()));
        }
    }

    @Command(
            name = "list",
            description = "List the levels of the chain, and the snapshots inside a qcow2 file.",
            mixinStandardHelpOptions = true)
    static final class ListAll implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Parameters(paramLabel = "IMAGE", description = IMAGE)
        private String image = "";

        @Override
        public Integer call() throws IOException {
            List<Map<String, @Nullable Object>> rows = new ArrayList<>();
            List<Snapshot> internal = snapshots().internal(image);
            for (SnapshotOperations.Snapshot one : snapshots().list(image)) {
                Map<String, @Nullable Object> row = fields(
                        "snapshot",
                        one.guid(),
                        "parent",
                        one.parentGuid(),
                        "current",
                        one.current(),
                        "toBeMerged",
                        one.temporary(),
                        "file",
                        one.file());
                rows.add(internal.isEmpty() ? row : withInside(row, "", ""));
            }
            for (Snapshot one : internal) {
                Map<String, @Nullable Object> row =
                        fields("snapshot", one.id(), "parent", "", "current", false, "toBeMerged", false, "file", "");
                rows.add(withInside(
                        row,
                        one.name(),
                        Instant.ofEpochSecond(one.takenSeconds()).toString()));
            }
            output.rows(rows, "no snapshots");
            return ExitCodes.DONE;
        }
    }

    /** What only a snapshot inside the file of a qcow2 image has: a name, and when it was taken. */
    private static Map<String, @Nullable Object> withInside(
            Map<String, @Nullable Object> row, String name, String taken) {
        Map<String, @Nullable Object> wide = new LinkedHashMap<>(row);
        wide.put("inside", !taken.isEmpty());
        wide.put("name", name);
        wide.put("taken", taken);
        return wide;
    }

    /** A GUID as it is listed; any other name as it is. */
    private static String shown(String snapshot) {
        return Guid.idOf(snapshot).isPresent() ? Snapshots.guid(snapshot) : snapshot;
    }

    @Command(
            name = "delete",
            description = "Delete a snapshot; every other one keeps its content. When one level descends from it, the"
                    + " content becomes part of that one.",
            mixinStandardHelpOptions = true)
    static final class Delete implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Parameters(index = "0", paramLabel = "IMAGE", description = IMAGE)
        private String image = "";

        @Parameters(index = "1", paramLabel = "GUID", description = GUID)
        private String guid = "";

        @Override
        public Integer call() throws IOException {
            try (ChangeProgress progress = new ChangeProgress("deleting", !output.isJson())) {
                SnapshotOperations.Deleted outcome = snapshots().delete(image, guid, progress);
                progress.close();
                output.object(fields(
                        "snapshot",
                        shown(guid),
                        "outcome",
                        switch (outcome) {
                            case REMOVED -> "removed";
                            case MERGED -> "merged into the level above it";
                            case MARKED ->
                                "marked: several levels descend from it, it goes when all but one are deleted";
                        }));
            }
            return ExitCodes.DONE;
        }
    }

    @Command(
            name = "merge",
            description = "Write a level down into its parent, which ceases to be a snapshot; or all levels into one"
                    + " file.",
            mixinStandardHelpOptions = true)
    static final class Merge implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Parameters(index = "0", paramLabel = "IMAGE", description = IMAGE)
        private String image = "";

        @Parameters(index = "1", arity = "0..1", paramLabel = "GUID", description = GUID)
        private @Nullable String guid;

        @Option(names = "--all", description = "All of them; no snapshot is left.")
        private boolean all;

        @Override
        public Integer call() throws IOException {
            if (all == (guid != null)) {
                throw new IllegalArgumentException("say which snapshot, or --all for all of them");
            }
            try (ChangeProgress progress = new ChangeProgress("merging", !output.isJson())) {
                int merged = snapshots().merge(image, guid, progress);
                progress.close();
                output.object(fields("image", image, "levelsMerged", merged));
            }
            return ExitCodes.DONE;
        }
    }

    @Command(
            name = "switch",
            description = "Go back to a snapshot: what was written since is gone. The image must not be attached.",
            mixinStandardHelpOptions = true)
    static final class Switch implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Parameters(index = "0", paramLabel = "IMAGE", description = IMAGE)
        private String image = "";

        @Parameters(index = "1", paramLabel = "GUID", description = GUID)
        private String guid = "";

        @Override
        public Integer call() throws IOException {
            snapshots().switchTo(image, guid);
            output.object(fields("image", image, "switchedTo", shown(guid)));
            return ExitCodes.DONE;
        }
    }

    @Command(
            name = "mount",
            description = "Mount a snapshot's file system read-only beside its image, which may be in use.",
            mixinStandardHelpOptions = true)
    static final class Mount implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Parameters(index = "0", paramLabel = "IMAGE", description = IMAGE)
        private String image = "";

        @Parameters(index = "1", paramLabel = "GUID", description = GUID)
        private String guid = "";

        @Parameters(index = "2", paramLabel = "DIR", description = "An existing folder.")
        private Path folder = Path.of("");

        @Override
        public Integer call() throws IOException {
            try (DataPlane plane = DataPlane.connect(System.getenv())) {
                show(output, SnapshotMounts.mount(plane, image, guid, folder));
            }
            return ExitCodes.DONE;
        }
    }

    @Command(name = "umount", description = "Unmount a snapshot and let go of it.", mixinStandardHelpOptions = true)
    static final class Unmount implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Parameters(paramLabel = "DIR", description = "Where it is mounted; or its device, block device or GUID.")
        private String what = "";

        @Override
        public Integer call() throws IOException {
            try (DataPlane plane = DataPlane.connectIfRunning(System.getenv())
                    .orElseThrow(() -> new java.nio.file.NoSuchFileException(
                            "nothing is attached: the device server does not run"))) {
                show(output, SnapshotMounts.unmount(plane, what));
            }
            return ExitCodes.DONE;
        }
    }

    private static void show(Output output, SnapshotMounts.Mounted mounted) throws IOException {
        output.object(fields(
                "snapshot", mounted.guid(),
                "image", mounted.image(),
                "device", mounted.deviceId(),
                "blockDevice", mounted.blockDevice(),
                "mountPoint", mounted.mountPoint()));
    }
}
