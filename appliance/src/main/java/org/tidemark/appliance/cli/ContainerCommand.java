package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.client.Answer;
import org.tidemark.appliance.client.ApiPath;
import org.tidemark.appliance.client.ApplianceClient;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.ploop.chain.ImagePlace;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code tidemark container ...}. */
@Command(
        name = "container",
        description = "The containers to protect.",
        mixinStandardHelpOptions = true,
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {
            ContainerCommand.Add.class,
            ContainerCommand.ListAll.class,
            ContainerCommand.Show.class,
            ContainerCommand.Update.class,
            ContainerCommand.Remove.class
        })
final class ContainerCommand {
    private static final String CONTAINERS = "/containers";

    @Command(
            name = "add",
            description = "Remember a container by its images, by where it is mounted, or by its name in runc.",
            mixinStandardHelpOptions = true)
    static final class Add implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Parameters(paramLabel = "NAME", description = "What to call it.")
        private String name = "";

        @Option(
                names = "--image",
                paramLabel = "[ID=]PATH",
                description = "An image; give the option once for each. The first one is called 'root' unless named.")
        private List<String> images = new ArrayList<>();

        @Option(
                names = "--mount",
                paramLabel = "DIR",
                description = "Its images are those whose file systems are mounted in this folder and below.")
        private @Nullable Path mount;

        @Option(
                names = "--runc",
                paramLabel = "ID",
                description = "Its images are those that this runc container uses.")
        private @Nullable String runc;

        @Option(names = "--runc-root", paramLabel = "DIR", description = "runc's state folder (usual: /run/runc).")
        private @Nullable Path runcRoot;

        @Override
        public Integer call() throws IOException {
            if ((images.isEmpty() ? 0 : 1) + (mount == null ? 0 : 1) + (runc == null ? 0 : 1) != 1) {
                throw ApplianceException.usage("give one of --image, --mount and --runc");
            }
            Map<String, @Nullable Object> how = ApplianceClient.body(
                    "images", images.isEmpty() ? null : images(images),
                    "mount",
                            mount == null
                                    ? null
                                    : mount.toAbsolutePath().normalize().toString(),
                    "runc",
                            runc == null
                                    ? null
                                    : ApplianceClient.body(
                                            "id",
                                            runc,
                                            "root",
                                            runcRoot == null
                                                    ? null
                                                    : runcRoot.toAbsolutePath().toString()));
            ApplianceClient client = access.client();
            if (images.isEmpty()) {
                client.post(CONTAINERS + "/discover", how)
                        .texts("notices")
                        .forEach(notice -> System.err.println("note: " + notice));
            }
            how.put("name", name);
            show(output, client.post(CONTAINERS, how));
            return ExitCodes.DONE;
        }
    }

    @Command(name = "list", description = "List containers.", mixinStandardHelpOptions = true)
    static final class ListAll implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Override
        public Integer call() throws IOException {
            output.answers(
                    access.client().list(CONTAINERS),
                    ContainerCommand::row,
                    "there is no container; add one with 'tidemark container add'");
            return ExitCodes.DONE;
        }
    }

    @Command(
            name = "show",
            description = "Show one container, its images and how well it is protected.",
            mixinStandardHelpOptions = true)
    static final class Show implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Parameters(
                paramLabel = "NAME",
                description = "The container.",
                completionCandidates = Candidates.Containers.class)
        private String name = "";

        @Override
        public Integer call() throws IOException {
            show(output, access.client().get(ApiPath.of("containers", name)));
            return ExitCodes.DONE;
        }
    }

    @Command(
            name = "update",
            description = "Other images for a container. One that keeps its id goes on where it was.",
            mixinStandardHelpOptions = true)
    static final class Update implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Parameters(
                paramLabel = "NAME",
                description = "The container.",
                completionCandidates = Candidates.Containers.class)
        private String name = "";

        @Option(
                names = "--image",
                required = true,
                paramLabel = "[ID=]PATH",
                description = "An image; give the option once for each. What is not named is no longer part of it.")
        private List<String> images = new ArrayList<>();

        @Override
        public Integer call() throws IOException {
            show(output, access.client().put(ApiPath.of("containers", name), Map.of("images", images(images))));
            return ExitCodes.DONE;
        }
    }

    @Command(
            name = "remove",
            description = "Forget a container. Its images and its recovery points stay.",
            mixinStandardHelpOptions = true)
    static final class Remove implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Parameters(
                paramLabel = "NAME",
                description = "The container.",
                completionCandidates = Candidates.Containers.class)
        private String name = "";

        @Override
        public Integer call() throws IOException {
            access.client().delete(ApiPath.of("containers", name));
            output.object(fields("container", name, "removed", true));
            return ExitCodes.DONE;
        }
    }

    private static List<Map<String, @Nullable Object>> images(List<String> words) {
        List<Map<String, @Nullable Object>> images = new ArrayList<>();
        for (String word : words) {
            // An address has '=' in its options.
            int equals = ImagePlace.isAddress(word) ? -1 : word.indexOf('=');
            ImagePlace image = ImagePlace.of(word.substring(equals > 0 ? equals + 1 : 0));
            images.add(ApplianceClient.body(
                    "id",
                    equals > 0 ? word.substring(0, equals) : null,
                    "path",
                    image.path()
                            .map(Path::toAbsolutePath)
                            .map(Path::normalize)
                            .map(Path::toString)
                            .orElseGet(image::toString)));
        }
        return images;
    }

    private static Map<String, @Nullable Object> row(Answer container) {
        Answer protection = container.object("protection");
        return fields(
                "container",
                container.text("name"),
                "state",
                JobRun.word(protection, "state"),
                "newest point",
                Times.brief(protection.text("newestPointAt")),
                "next run",
                Times.brief(protection.text("nextRunAt")),
                "policies",
                String.join(", ", container.texts("policies")),
                "images",
                String.join(
                        ", ",
                        container.objects("images").stream()
                                .map(image -> image.text("id") + "=" + image.text("path"))
                                .toList()));
    }

    private static void show(Output output, Answer container) throws IOException {
        Map<String, @Nullable Object> shown = fields("container", container.text("name"));
        for (Answer image : container.objects("images")) {
            shown.put("image " + image.text("id"), words(image));
        }
        Answer runtime = container.object("runtime");
        if (!runtime.text("id").isEmpty()) {
            shown.put(JobRun.word(runtime, "kind"), runtime.text("id"));
        }
        if (!runtime.text("cgroup").isEmpty()) {
            shown.put("cgroup", runtime.text("cgroup"));
        }
        Answer protection = container.object("protection");
        shown.put("protection", JobRun.word(protection, "state") + ": " + protection.text("sentence"));
        shown.put("newest point", Times.brief(protection.text("newestPointAt")));
        shown.put("next run", Times.brief(protection.text("nextRunAt")));
        shown.put("policies", String.join(", ", container.texts("policies")));
        output.answer(container, shown);
    }

    private static String words(Answer image) {
        StringBuilder words = new StringBuilder(image.text("path"));
        if (image.has("problem")) {
            return words.append(": ").append(image.text("problem")).toString();
        }
        words.append("  ").append(image.text("format")).append(", ").append(Sizes.human(image.number("sizeBytes")));
        if (image.flag("attached")) {
            words.append(", attached as ").append(image.text("blockDevice"));
        }
        if (image.has("mountPoint")) {
            words.append(", ").append(image.text("fileSystem")).append(" at ").append(image.text("mountPoint"));
        }
        return words.toString();
    }
}
