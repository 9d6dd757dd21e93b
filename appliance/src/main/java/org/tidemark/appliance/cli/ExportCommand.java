package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;
import static org.tidemark.appliance.client.ApplianceClient.body;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.client.Answer;
import org.tidemark.appliance.client.ApiPath;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code tidemark export ...}. */
@Command(
        name = "export",
        description =
                "Disks for other programs, over NBD: devices, instants with what changed, snapshots, recovery points.",
        mixinStandardHelpOptions = true,
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {ExportCommand.Add.class, ExportCommand.ListAll.class, ExportCommand.Remove.class})
final class ExportCommand {
    private static final String EXPORTS = "/exports";

    @Command(
            name = "add",
            description =
                    "Export a disk and tell its address. The address is a secret: whoever has it may use the disk.",
            mixinStandardHelpOptions = true)
    static final class Add implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @ArgGroup(multiplicity = "1")
        private What what = new What();

        private static final class What {
            @Option(names = "--device", description = "An attached device, as it is at each moment.")
            private @Nullable String device;

            @Option(names = "--instant", paramLabel = "DEVICE", description = "An attached device, as it is now.")
            private @Nullable String instantOf;

            @Option(names = "--snapshot", paramLabel = "GUID", description = "A snapshot of --image.")
            private @Nullable String snapshot;

            @Option(
                    names = "--container",
                    description = "A recovery point of this container.",
                    completionCandidates = Candidates.Containers.class)
            private @Nullable String container;
        }

        @Option(names = "--writable", description = "With --device: may be written to. Not while it is mounted.")
        private boolean writable;

        @Option(
                names = "--since",
                paramLabel = "CHECKPOINT",
                description = "With --instant: tell what changed since, as qemu:dirty-bitmap:CHECKPOINT.")
        private @Nullable String since;

        @Option(names = "--consumer", description = "With --instant: who reads; each has checkpoints of its own.")
        private @Nullable String consumer;

        @Option(names = "--image", description = "With --snapshot: the image, attached or not.")
        private @Nullable String image;

        @Option(
                names = "--at",
                paramLabel = "POINT",
                description = "With --container: which point; the newest, if not said.")
        private @Nullable String point;

        @Option(
                names = "--target",
                description = "With --container: where the point is.",
                completionCandidates = Candidates.Targets.class)
        private @Nullable String target;

        @Option(names = "--image-id", description = "With --container: which image of the point.")
        private @Nullable String imageId;

        @Override
        public Integer call() throws IOException {
            Map<String, @Nullable Object> wanted = new LinkedHashMap<>(body(
                    "device", what.device,
                    "instantOf", what.instantOf,
                    "snapshot", what.snapshot,
                    "container", what.container,
                    "writable", writable,
                    "since", since,
                    "consumer", consumer,
                    "image", image,
                    "point", point == null ? null : Times.selector(point),
                    "target", target,
                    "imageId", imageId));
            Answer export = access.client().post(EXPORTS, wanted);
            output.answer(export, shown(export));
            return ExitCodes.DONE;
        }
    }

    private static Map<String, @Nullable Object> shown(Answer export) {
        Map<String, @Nullable Object> shown = fields(
                "export", export.text("exportId"),
                "what", export.text("what"),
                "address", address(export),
                "on this host", export.text("localUri"),
                "size", Sizes.human(export.number("sizeBytes")));
        for (String name : new String[] {"bitmap", "checkpoint", "notice"}) {
            if (!export.text(name).isEmpty()) {
                shown.put(name, export.text(name));
            }
        }
        return shown;
    }

    private static String address(Answer export) {
        String uri = export.text("uri");
        return uri.isEmpty() ? "none: the appliance runs without TIDEMARK_NBD_LISTEN" : uri;
    }

    @Command(name = "list", description = "List exports.", mixinStandardHelpOptions = true)
    static final class ListAll implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Override
        public Integer call() throws IOException {
            output.answers(
                    access.client().list(EXPORTS),
                    export -> fields(
                            "export", export.text("exportId"),
                            "what", export.text("what"),
                            "writable", export.flag("writable"),
                            "since", Times.brief(export.text("exportedAt"))),
                    "nothing is exported");
            return ExitCodes.DONE;
        }
    }

    @Command(
            name = "remove",
            description = "End an export and disconnect who uses it.",
            mixinStandardHelpOptions = true)
    static final class Remove implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Parameters(paramLabel = "EXPORT", description = "The export.")
        private String export = "";

        @Option(
                names = "--done",
                description = "Of an instant: everything wanted was read; the next one may count from its checkpoint.")
        private boolean done;

        @Override
        public Integer call() throws IOException {
            access.client().delete(ApiPath.query(ApiPath.of("exports", export), "done", done ? "true" : null));
            output.say("ended");
            return ExitCodes.DONE;
        }
    }
}
