package org.tidemark.appliance.service.migration;

import java.io.Closeable;
import java.io.IOException;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.service.DataPlane;
import org.tidemark.appliance.service.peer.PeerChannel;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.chain.ImagePlace;
import org.tidemark.ploop.chain.MovedImage;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.migrate.CheckedStreamSink;
import org.tidemark.ploop.migrate.CopyLimits;
import org.tidemark.ploop.migrate.CopyProgress;
import org.tidemark.ploop.migrate.LiveCopy;
import org.tidemark.ploop.migrate.StaticCopy;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;
import org.tidemark.ploop.server.CopyClient;
import org.tidemark.ploop.server.DepartingSource;

/** The files of one image on their way to another appliance. One thread. */
final class ImageTransfer implements Closeable {
    /** For an answer of the receiver; it may have much to make durable. */
    static final Duration PATIENCE = Duration.ofMinutes(2);

    /** For how long a cut connection is made anew. */
    private static final Duration CONNECTED_WITHIN = Duration.ofSeconds(60);

    private static final Duration DETACH_LIMIT = Duration.ofSeconds(60);
    private static final int LEVEL = 1;

    private final ContainerUse.ImageUse image;
    private final String migrationId;
    private final Files connections;
    private final DataPlane plane;
    private final ChainFiles files;
    private final List<String> names;
    private @Nullable DepartingSource source;
    private @Nullable CheckedStreamSink sink;
    private @Nullable LiveCopy copy;

    /** Where the files go. */
    interface Files {
        /** A connection over which this file is received. */
        PeerChannel open(String file) throws IOException;

        void progress(String what, double fraction, long doneBytes);

        boolean cancelled();
    }

    ImageTransfer(ContainerUse.ImageUse image, String migrationId, Files connections, DataPlane plane)
            throws IOException {
        this.image = image;
        this.migrationId = migrationId;
        this.connections = connections;
        this.plane = plane;
        files = AttachedImage.filesOf(ImagePlace.of(image.path()));
        names = MovedImage.fileNames(files);
    }

    String imageId() {
        return image.id();
    }

    ChainFiles files() {
        return files;
    }

    private CheckedStreamSink sink(String file, ImageIo content) throws IOException {
        UUID identity = UUID.nameUUIDFromBytes(
                (migrationId + "/" + image.id() + "/" + file).getBytes(java.nio.charset.StandardCharsets.UTF_8));
        return new CheckedStreamSink(
                () -> new Connection(connections.open(file)),
                content,
                new CheckedStreamSink.Settings(LEVEL, CONNECTED_WITHIN),
                identity);
    }

    /** A connection as a stream. */
    private record Connection(PeerChannel channel, ReadableByteChannel in, WritableByteChannel out)
            implements CheckedStreamSink.Connection {
        Connection(PeerChannel channel) {
            this(channel, channel.in(), channel.out());
        }

        @Override
        public void close() throws IOException {
            channel.close();
        }
    }

    private CopyProgress progress(String what) {
        return new CopyProgress() {
            @Override
            public void at(State state) {
                double fraction = state.totalBytes() == 0 ? 1 : (double) state.doneBytes() / state.totalBytes();
                String round = state.round() == 0 ? what : what + ", round " + state.round() + " of what changed";
                connections.progress(
                        round + " (" + state.bytesPerSecond() / 1_000_000 + " MB/s)", fraction, state.doneBytes());
            }

            @Override
            public boolean cancelled() {
                return connections.cancelled();
            }
        };
    }

    /** Everything but the top and what changes with it. The top is tracked from then on, so that the chain stays as it is. */
    void copyFrozen() throws IOException {
        DepartingSource none = source;
        if (none != null) {
            throw new IllegalStateException("it is being copied already");
        }
        AttachedDevice device = device();
        source = new DepartingSource(
                CopyClient.begin(device.server(), device.deviceId(), NO_PAUSE), new Later(), DETACH_LIMIT);
        for (String name : names.subList(1, names.size())) {
            send(name);
        }
    }

    private AttachedDevice device() throws IOException {
        Optional<AttachedDevice> found = plane.find(image.path());
        return found.isPresent()
                ? found.get()
                : plane.attach(ImagePlace.of(image.path()), DataPlane.AttachOptions.FOR_ONE_JOB);
    }

    private void send(String name) throws IOException {
        try (ImageIo content = files.directory().open(name, OpenMode.READ_ONLY);
                CheckedStreamSink to = sink(name, content)) {
            StaticCopy.run(content, to, progress("copying " + name));
        }
    }

    /** The last part is the closed image; nobody is paused for it otherwise. */
    private static final CopyClient.Pausing NO_PAUSE = new CopyClient.Pausing() {
        @Override
        public boolean stop() {
            return false;
        }

        @Override
        public List<Path> mountPoints() {
            return List.of();
        }

        @Override
        public Duration limit() {
            return DETACH_LIMIT;
        }
    };

    private DepartingSource.@Nullable Departure departure;

    /** Who stops the container is known when that is due. */
    private final class Later implements DepartingSource.Departure {
        @Override
        public void stop() throws IOException {
            known().stop();
        }

        @Override
        public void closed() throws IOException {
            known().closed();
        }

        private DepartingSource.Departure known() {
            DepartingSource.Departure known = departure;
            if (known == null) {
                throw new IllegalStateException("nobody stops the container");
            }
            return known;
        }
    }

    /** The top, while it is written to. */
    void copyLive(CopyLimits limits, Function<ImageTransfer, DepartingSource.Departure> around) throws IOException {
        DepartingSource from = source;
        if (from == null) {
            throw new IllegalStateException("its frozen files come first");
        }
        departure = around.apply(this);
        String top = names.get(0);
        CheckedStreamSink to = sink(top, from.file());
        sink = to;
        LiveCopy begun = new LiveCopy(from, to, limits, progress("copying " + top));
        copy = begun;
        begun.copyLive();
    }

    /** Stops the container, closes the image, copies the rest. */
    LiveCopy.Outcome finish() throws IOException {
        LiveCopy begun = copy;
        if (begun == null) {
            throw new IllegalStateException("nothing was copied yet");
        }
        return begun.finish();
    }

    /** What the tracker of the closed image knows, if it has one. */
    void copyTracker() throws IOException {
        if (files.directory().exists(MovedImage.trackerFile())) {
            send(MovedImage.trackerFile());
        }
    }

    @Override
    public void close() throws IOException {
        try (CheckedStreamSink to = sink;
                DepartingSource from = source) {
            copy = null;
        }
    }
}
