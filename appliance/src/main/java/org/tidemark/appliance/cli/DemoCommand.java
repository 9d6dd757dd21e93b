package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.demo.Demo;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.service.HostNeeds;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code tidemark demo}. */
@Command(
        name = "demo",
        description =
                "Start an appliance, back up a container under load, destroy it, restore it, prove that it is right.",
        mixinStandardHelpOptions = true)
final class DemoCommand implements Callable<Integer> {
    private static final int USUAL_PORT = 8787;

    @Mixin
    private Output output = new Output();

    @Option(names = "--keep", description = "Leave the appliance up, with the container and a policy of five minutes.")
    private boolean keep;

    @Option(names = "--remove", paramLabel = "DIR", description = "End and remove a demonstration that was kept.")
    private @Nullable Path remove;

    @Option(names = "--folder", paramLabel = "DIR", description = "Where to work (else a new folder in /var/tmp).")
    private @Nullable Path where;

    @Option(
            names = "--target",
            paramLabel = "s3://BUCKET[/PREFIX]",
            description = "Back up there instead of a folder; keys come from the environment (AWS_ACCESS_KEY_ID...).")
    private @Nullable URI target;

    @Option(names = "--endpoint", paramLabel = "URL", description = "Of the S3 store, when it is not AWS.")
    private @Nullable String endpoint;

    @Option(names = "--region", paramLabel = "NAME", description = "Of the bucket.")
    private @Nullable String region;

    @Override
    public Integer call() throws IOException {
        if (remove != null) {
            Demo.remove(remove);
            output.say("removed " + remove);
            return ExitCodes.DONE;
        }
        List<String> missing = new ArrayList<>();
        for (HostNeeds.Need need : HostNeeds.all()) {
            if (need.essential() && !need.present()) {
                missing.add(need.what() + ": " + need.remedy());
            }
        }
        if (!missing.isEmpty()) {
            System.err.println("tidemark: this host lacks what the demonstration needs:");
            missing.forEach(line -> System.err.println("  " + line));
            return ExitCodes.FAILED;
        }
        Path parent = where == null ? Path.of("/var/tmp") : Files.createDirectories(where);
        Path folder = Files.createTempDirectory(parent, "tidemark-demo-");
        boolean done = false;
        long begun = System.nanoTime();
        AtomicBoolean asked = new AtomicBoolean();
        try (Interrupts interrupts = new Interrupts(() -> asked.set(true))) {
            Demo.Setting setting = new Demo.Setting(folder, s3(), keep, "127.0.0.1:" + (keep ? port() : 0));
            List<Demo.Row> rows = new Demo(setting, this::step, asked::get).run();
            print(rows);
            output.say(String.format(Locale.ROOT, "proven in %.1f s", (System.nanoTime() - begun) / 1e9));
            done = true;
            return ExitCodes.DONE;
        } finally {
            if (!keep || !done) {
                Demo.removeTree(folder);
            }
        }
    }

    /** The usual port when it is free: a link that is easy to type. */
    private static int port() {
        try (ServerSocket socket = new ServerSocket(USUAL_PORT)) {
            return socket.getLocalPort();
        } catch (IOException e) {
            return 0;
        }
    }

    private @Nullable Map<String, Object> s3() throws ApplianceException {
        if (target == null) {
            return null;
        }
        String bucket = target.getHost() == null ? target.getAuthority() : target.getHost();
        if (!"s3".equals(target.getScheme()) || bucket == null) {
            throw ApplianceException.usage(
                    "'" + target + "' is no target for the demonstration; give s3://BUCKET/PREFIX");
        }
        Map<String, Object> s3 = new LinkedHashMap<>();
        s3.put("bucket", bucket);
        String prefix = target.getPath() == null ? "" : target.getPath().replaceAll("^/+|/+$", "");
        if (!prefix.isEmpty()) {
            s3.put("prefix", prefix);
        }
        if (endpoint != null) {
            s3.put("endpoint", endpoint);
        }
        if (region != null) {
            s3.put("region", region);
        }
        s3.put("credentials", Map.of("source", "ENVIRONMENT"));
        return Map.of("kind", "S3", "s3", s3);
    }

    private void step(String words) {
        output.say("  " + words);
    }

    private void print(List<Demo.Row> rows) throws IOException {
        List<Map<String, @Nullable Object>> table = new ArrayList<>();
        for (Demo.Row row : rows) {
            table.add(fields(
                    "point", row.point(),
                    "grade", row.grade(),
                    "freeze ms", decimal(row.freezeMillis()),
                    "read", row.chunksRead(),
                    "changed", row.chunksChanged(),
                    "shipped", row.chunksShipped(),
                    "bytes stored", row.bytesStored(),
                    "requests", row.requests(),
                    "seconds", decimal(row.seconds())));
        }
        output.rows(table, "");
    }

    private static String decimal(double value) {
        return String.format(Locale.ROOT, "%.2f", value);
    }
}
