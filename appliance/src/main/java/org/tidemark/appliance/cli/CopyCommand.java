package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.service.DataPlane;
import org.tidemark.appliance.service.LiveFileCopy;
import org.tidemark.ploop.migrate.CheckedStreamReceiver;
import org.tidemark.ploop.migrate.CheckedStreamSink;
import org.tidemark.ploop.migrate.CopyLimits;
import org.tidemark.ploop.migrate.CopyProgress;
import org.tidemark.ploop.migrate.FileSink;
import org.tidemark.ploop.migrate.LiveCopy;
import org.tidemark.ploop.migrate.PloopStreamReceiver;
import org.tidemark.ploop.migrate.PloopStreamSink;
import org.tidemark.ploop.os.DescriptorChannel;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code tidemark copy}: both ends of a copy of the file that a running container writes to. */
@Command(
        name = "copy",
        description = {
            "Copy the top delta of an attached image while its container runs: everything, then what changed meanwhile, again"
                    + " and again, and the rest in a pause as short as can be.",
            "With --source it sends: into a new file, to a program (--through 'ssh HOST tidemark copy -d FILE'), or as the"
                    + " stream of 'ploop copy' to a descriptor, which Debian's 'ploop copy -d FILE' receives.",
            "Without --source it receives either stream, into a new file that appears when it is whole and durable."
        },
        mixinStandardHelpOptions = true)
final class CopyCommand implements Callable<Integer> {
    private static final int MAGIC_BYTES = 4;

    @Mixin
    private Output output = new Output();

    @Option(
            names = {"-s", "--source"},
            paramLabel = "DEVICE",
            description = "Send this device's image: its name, image or block device.")
    private @Nullable String source;

    @Option(
            names = {"-d", "--destination"},
            paramLabel = "FILE",
            description = "A new file.")
    private @Nullable Path destination;

    @Option(
            names = "--through",
            paramLabel = "COMMAND",
            description =
                    "Send to a program that the shell starts, which ends in 'tidemark copy -d FILE': with checksums, and going"
                            + " on over a new one after a cut.")
    private @Nullable String through;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "FD",
            defaultValue = "1",
            description = "Descriptor to send the stream of ploop copy to (${DEFAULT-VALUE}).")
    private int outputDescriptor;

    @Option(
            names = {"-i", "--input"},
            paramLabel = "FD",
            defaultValue = "0",
            description = "Descriptor to receive from (${DEFAULT-VALUE}).")
    private int inputDescriptor;

    @Option(
            names = {"-f", "--feedback"},
            paramLabel = "FD",
            defaultValue = "-1",
            description = "Descriptor for the receiver's answers.")
    private int feedbackDescriptor;

    @Option(
            names = {"-F", "--stop"},
            paramLabel = "COMMAND",
            description = "What the shell runs before the last part is copied, as to stop or to freeze the container.")
    private @Nullable String stopCommand;

    @Option(
            names = "--rate",
            paramLabel = "SIZE",
            converter = Sizes.class,
            description = "Copy at most so much a second, but for the last part.")
    private @Nullable Long bytesPerSecond;

    @Option(
            names = "--rounds",
            defaultValue = "10",
            description = "Go round at most so many times after the first (${DEFAULT-VALUE}).")
    private int maxRounds;

    @Option(
            names = "--time",
            paramLabel = "SECONDS",
            defaultValue = "86400",
            description = "Go round no longer than this (${DEFAULT-VALUE}).")
    private long maxSeconds;

    @Option(
            names = "--pause",
            paramLabel = "MILLIS",
            defaultValue = "100",
            description = "Go round until the last part is expected to take no longer (${DEFAULT-VALUE}).")
    private long pauseMillis;

    @Option(
            names = "--pause-limit",
            paramLabel = "MILLIS",
            defaultValue = "10000",
            description = "Give up when the last part takes longer, and let the container go on (${DEFAULT-VALUE}).")
    private long pauseLimitMillis;

    @Option(
            names = "--throttle",
            description = "Slow the container's disk down when it changes more than can be copied meanwhile.")
    private boolean throttle;

    @Option(
            names = "--compress",
            paramLabel = "LEVEL",
            defaultValue = "0",
            description = "With --through: compress, 1 (fast) to 19 (0: not).")
    private int level;

    @Option(
            names = "--patience",
            paramLabel = "SECONDS",
            defaultValue = "600",
            description = "With --through: how long to try again after a cut (${DEFAULT-VALUE}).")
    private long patienceSeconds;

    @Override
    public Integer call() throws IOException {
        return copy(output::object);
    }

    /** Says what came of it, where that does not go into the copy itself. */
    interface Telling {
        void tell(Map<String, @Nullable Object> what) throws IOException;
    }

    /** What the options say. */
    int copy(Telling telling) throws IOException {
        String device = source;
        if (device != null) {
            return send(device, telling);
        }
        Path file = destination;
        if (file == null || through != null || stopCommand != null) {
            throw ApplianceException.usage("give --source DEVICE to send, or only --destination FILE to receive");
        }
        return receive(file, telling);
    }

    private int send(String device, Telling telling) throws IOException {
        if (destination != null && through != null) {
            throw ApplianceException.usage("give --destination or --through, not both");
        }
        if (level < 0 || level > 19) {
            throw ApplianceException.usage("--compress takes 0 to 19");
        }
        boolean toDescriptor = destination == null && through == null;
        if (toDescriptor && outputDescriptor == 1 && System.console() != null) {
            throw ApplianceException.usage(
                    "a terminal is no place for a disk: give --destination, --through, or a pipe");
        }
        CopyLimits limits = new CopyLimits(
                maxRounds,
                Duration.ofSeconds(maxSeconds),
                Duration.ofMillis(pauseMillis),
                throttle,
                bytesPerSecond == null ? 0 : bytesPerSecond);
        LiveFileCopy.Order order =
                new LiveFileCopy.Order(device, stopCommand, limits, Duration.ofMillis(pauseLimitMillis));
        AtomicBoolean cancelled = new AtomicBoolean();
        LiveCopy.Outcome outcome;
        try (ProgressBar bar = new ProgressBar("copy", true);
                Interrupts interrupts = new Interrupts(() -> cancelled.set(true));
                DataPlane plane = DataPlane.connectIfRunning(System.getenv())
                        .orElseThrow(() -> ApplianceException.notFound(
                                device + ": nothing is attached on this host; 'tidemark attach' attaches an image"))) {
            outcome = run(plane, order, shown(bar, cancelled));
        }
        if (!toDescriptor || outputDescriptor != 1) {
            telling.tell(told(outcome));
        }
        return ExitCodes.DONE;
    }

    private LiveCopy.Outcome run(DataPlane plane, LiveFileCopy.Order order, CopyProgress progress) throws IOException {
        Path file = destination;
        String command = through;
        if (file != null) {
            return LiveFileCopy.run(plane, order, from -> FileSink.create(file), progress);
        }
        if (command != null) {
            CheckedStreamSink.Settings settings =
                    new CheckedStreamSink.Settings(level, Duration.ofSeconds(patienceSeconds));
            return LiveFileCopy.run(
                    plane,
                    order,
                    from -> new CheckedStreamSink(
                            () -> new CommandConnection(command), from.file(), settings, UUID.randomUUID()),
                    progress);
        }
        try (DescriptorChannel out = DescriptorChannel.of(outputDescriptor);
                DescriptorChannel feedback = feedbackDescriptor < 0 ? null : DescriptorChannel.of(feedbackDescriptor)) {
            return LiveFileCopy.run(plane, order, from -> new PloopStreamSink(out, feedback), progress);
        }
    }

    private static CopyProgress shown(ProgressBar bar, AtomicBoolean cancelled) {
        return new CopyProgress() {
            @Override
            public void at(State state) {
                String round = state.round() == 0 ? "all" : "round " + state.round();
                bar.at(
                        state.doneBytes(),
                        state.totalBytes(),
                        String.format(
                                Locale.ROOT,
                                "%s, %s/s, a pause now: %d ms",
                                round,
                                Sizes.human(state.bytesPerSecond()),
                                state.forecastPause().toMillis()));
            }

            @Override
            public boolean cancelled() {
                return cancelled.get();
            }
        };
    }

    private static Map<String, @Nullable Object> told(LiveCopy.Outcome outcome) {
        return fields(
                "sizeBytes", outcome.sizeBytes(),
                "readBytes", outcome.readBytes(),
                "sentBytes", outcome.sentBytes(),
                "rounds",
                        outcome.rounds().stream()
                                .map(LiveCopy.Round::copiedBytes)
                                .toList(),
                "converged", outcome.converged(),
                "pauseMillis", (outcome.pause().nanos() + 999_999) / 1_000_000,
                "notice", outcome.pause().notice());
    }

    private int receive(Path file, Telling telling) throws IOException {
        try (DescriptorChannel in = DescriptorChannel.of(inputDescriptor)) {
            ByteBuffer begun = ByteBuffer.allocateDirect(MAGIC_BYTES).order(ByteOrder.LITTLE_ENDIAN);
            while (begun.hasRemaining() && in.read(begun) >= 0) {
                // Until all four are there, or no more come.
            }
            boolean ours = begun.position() == MAGIC_BYTES && CheckedStreamReceiver.begins(begun.getInt(0));
            begun.flip();
            if (ours) {
                try (DescriptorChannel out = DescriptorChannel.of(feedbackDescriptor < 0 ? 1 : feedbackDescriptor)) {
                    new CheckedStreamReceiver(in, out).receive(file, begun);
                }
                return ExitCodes.DONE;
            }
            long size = receivePloopStream(in, begun, file);
            telling.tell(fields("file", file.toAbsolutePath().toString(), "sizeBytes", size));
            return ExitCodes.DONE;
        }
    }

    private long receivePloopStream(DescriptorChannel in, ByteBuffer begun, Path file) throws IOException {
        try (DescriptorChannel feedback = feedbackDescriptor < 0 ? null : DescriptorChannel.of(feedbackDescriptor)) {
            return new PloopStreamReceiver(in, feedback).receive(file, begun);
        }
    }
}
