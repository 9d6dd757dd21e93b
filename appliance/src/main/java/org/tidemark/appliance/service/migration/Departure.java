package org.tidemark.appliance.service.migration;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;
import org.tidemark.appliance.persistence.MigrationEntry;
import org.tidemark.appliance.persistence.Migrations;
import org.tidemark.appliance.persistence.Peers;
import org.tidemark.appliance.service.DataPlane;
import org.tidemark.appliance.service.Host;
import org.tidemark.appliance.service.job.JobProgress;
import org.tidemark.appliance.service.job.RunningJob;
import org.tidemark.appliance.service.peer.PeerChannel;
import org.tidemark.appliance.service.peer.PeerLink;
import org.tidemark.ploop.chain.ChainLocks;
import org.tidemark.ploop.chain.MovedImage;
import org.tidemark.ploop.handover.HandOver;
import org.tidemark.ploop.handover.HandOverFile;
import org.tidemark.ploop.handover.HandOverRecord;
import org.tidemark.ploop.handover.Message;
import org.tidemark.ploop.handover.SharedRecord;
import org.tidemark.ploop.migrate.CopyLimits;
import org.tidemark.ploop.migrate.LiveCopy;
import org.tidemark.ploop.server.DepartingSource;

/** The source's side of one migration. One thread. */
final class Departure {
    private static final Logger LOG = Logger.getLogger(Departure.class);
    private static final int OFFERS = 5;
    private static final long FIRST_WAIT_MILLIS = 100;
    private static final long LONGEST_WAIT_MILLIS = 5_000;
    private static final Duration STARTED_WITHIN = Duration.ofSeconds(60);
    private static final long LOOK_MILLIS = 50;

    private final RunningJob job;
    private final MigrationEntry migration;
    private final ContainerUse use;
    private final Peers peers;
    private final String peerName;
    private final PeerLink link;
    private final Host host;
    private final Migrations migrations;
    private final List<Path> folders = new ArrayList<>();
    private final HandOver handOver;
    private long stoppedNanos;
    private boolean stopped;

    Departure(
            RunningJob job,
            MigrationEntry migration,
            ContainerUse use,
            Peers peers,
            PeerLink link,
            Host host,
            Migrations migrations)
            throws IOException {
        this.job = job;
        this.migration = migration;
        this.use = use;
        this.peers = peers;
        this.peerName = migration.peer();
        this.link = link;
        this.host = host;
        this.migrations = migrations;
        List<HandOverFile> records = new ArrayList<>();
        for (ContainerUse.ImageUse image : use.images()) {
            folders.add(Path.of(image.path()));
            records.add(MovedImage.record(Path.of(image.path())));
        }
        handOver = new HandOver(new SharedRecord(records));
    }

    /** What came of the copies, for the job's result. */
    record Copied(
            long sizeBytes, long readBytes, long sentBytes, int rounds, List<Long> roundBytes, boolean converged) {
        static final Copied NOTHING = new Copied(0, 0, 0, 0, List.of(), true);

        Copied plus(LiveCopy.Outcome outcome) {
            List<Long> bytes = new ArrayList<>(roundBytes);
            outcome.rounds().forEach(round -> bytes.add(round.copiedBytes()));
            return new Copied(
                    sizeBytes + outcome.sizeBytes(),
                    readBytes + outcome.readBytes(),
                    sentBytes + outcome.sentBytes(),
                    rounds + outcome.rounds().size(),
                    bytes,
                    converged && outcome.converged());
        }
    }

    HandOverRecord.State record() {
        return handOver.record().state();
    }

    /**
     * From the first byte to the decision. When it throws, and the record does not say LEAVING, the container runs here again.
     *
     * @param definition what the destination is told of the container
     */
    Copied upToDecision(Map<String, Object> definition, CopyLimits limits) throws IOException {
        if (handOver.record().state() == HandOverRecord.State.NOTHING) {
            handOver.found();
        } else {
            handOver.recover();
        }
        Copied copied;
        try {
            begin(definition);
            copied = copy(limits);
        } catch (IOException | RuntimeException e) {
            giveUp(e);
            throw e;
        }
        decide();
        return copied;
    }

    /** A record that could not be written may be there all the same: what is durable counts, and is found out before anybody acts. */
    private void decide() throws IOException {
        try {
            handOver.decide();
        } catch (IOException e) {
            handOver.recover();
            if (handOver.record().state() != HandOverRecord.State.LEAVING) {
                giveUp(e);
                throw e;
            }
        }
        migrations.state(migration.id(), MigrationEntry.State.LEAVING, null);
    }

    /** What an attempt whose process died left: the first record counts, and the others follow it. */
    void recover() throws IOException {
        handOver.recover();
    }

    private void begin(Map<String, Object> definition) throws IOException {
        job.phase("asking " + peerName + " whether it can take it");
        try (PeerChannel channel = connect()) {
            Map<String, Object> answer = channel.ask("migration.begin", definition);
            if (answer.get("notices") instanceof List<?> notices) {
                notices.forEach(notice -> job.notice(String.valueOf(notice)));
            }
        }
    }

    /** As it is known now: it may have been removed, or paired again, since the migration began. */
    private PeerChannel connect() throws IOException {
        return link.connect(peers.get(peerName));
    }

    private Map<String, Object> ask(String operation, Map<String, Object> more) throws IOException {
        Map<String, Object> request = new LinkedHashMap<>(more);
        request.put("migration", migration.id());
        try (PeerChannel channel = connect()) {
            return channel.ask(operation, request);
        }
    }

    private Copied copy(CopyLimits limits) throws IOException {
        List<ImageTransfer> transfers = new ArrayList<>();
        try (DataPlane plane = host.connect()) {
            for (ContainerUse.ImageUse image : use.images()) {
                ImageTransfer transfer = new ImageTransfer(image, migration.id(), new Sending(image.id()), plane);
                transfers.add(transfer);
                transfer.copyFrozen();
                transfer.copyLive(limits, this::around);
            }
            prepare();
            handOver.stop();
            Copied copied = Copied.NOTHING;
            for (ImageTransfer transfer : transfers) {
                job.phase("copying the rest, while the container is stopped");
                copied = copied.plus(transfer.finish());
            }
            seal(transfers);
            return copied;
        } finally {
            close(transfers);
        }
    }

    private static void close(List<ImageTransfer> transfers) {
        for (ImageTransfer transfer : transfers) {
            try {
                transfer.close();
            } catch (IOException e) {
                LOG.warn("ending a copy", e);
            }
        }
    }

    /** Connections for the files of one image, and who hears how they are getting on. */
    private final class Sending implements ImageTransfer.Files {
        private final String imageId;

        Sending(String imageId) {
            this.imageId = imageId;
        }

        @Override
        public PeerChannel open(String file) throws IOException {
            PeerChannel channel = connect();
            boolean done = false;
            try {
                channel.ask("migration.file", Map.of("migration", migration.id(), "image", imageId, "file", file));
                channel.patience(ImageTransfer.PATIENCE);
                done = true;
                return channel;
            } finally {
                if (!done) {
                    channel.close();
                }
            }
        }

        @Override
        public void progress(String what, double fraction, long doneBytes) {
            String text = (use.images().size() > 1 ? "image " + imageId + ": " : "") + what;
            job.progress(new JobProgress("copying", doneBytes, null, Math.min(1.0, fraction), text));
        }

        @Override
        public boolean cancelled() {
            return job.getAsBoolean();
        }
    }

    private void prepare() throws IOException {
        for (int i = 0; i < OFFERS && !handOver.isPrepared(); i++) {
            Map<String, Object> answer = ask("migration.message", HandOverWords.of(handOver.offer()));
            Optional<Message> said = HandOverWords.message(answer);
            if (said.isPresent()) {
                handOver.receive(said.get());
            }
        }
        if (!handOver.isPrepared()) {
            throw new ApplianceException(
                    FailureKind.CONFLICT,
                    "appliance '" + peerName
                            + "' is not ready to take over: it has, or had, images of this container"
                            + " under the same names");
        }
    }

    /** What happens when the first image's last part is due. */
    private DepartingSource.Departure around(ImageTransfer transfer) {
        return new DepartingSource.Departure() {
            @Override
            public void stop() throws IOException {
                stopContainer();
            }

            @Override
            public void closed() throws IOException {
                ChainLocks.requireUnused(transfer.files());
            }
        };
    }

    private void stopContainer() throws IOException {
        if (stopped) {
            return;
        }
        job.phase("stopping the container");
        migrations.state(migration.id(), MigrationEntry.State.STOPPED, null);
        stopped = true;
        stoppedNanos = System.nanoTime();
        for (Path folder : folders) {
            MovedImage.mark(folder).set();
        }
        use.stop();
    }

    private void seal(List<ImageTransfer> transfers) throws IOException {
        Map<String, Object> identities = new LinkedHashMap<>();
        for (ImageTransfer transfer : transfers) {
            transfer.copyTracker();
            identities.put(transfer.imageId(), MovedImage.identity(transfer.files()));
        }
        ask("migration.seal", Map.of("identities", identities));
    }

    /** The container goes on here. */
    private void giveUp(Exception why) {
        job.log("given up: " + FailureKind.words(why));
        try {
            handOver.withdraw();
            stayHere();
            migrations.state(migration.id(), MigrationEntry.State.ENDED, FailureKind.words(why));
        } catch (IOException | RuntimeException e) {
            why.addSuppressed(e);
            job.notice("the container could not be started again: " + FailureKind.words(e)
                    + ". Start it by hand, its images are whole");
            migrations.state(
                    migration.id(),
                    MigrationEntry.State.STOPPED,
                    "given up, and the container could not be started again: " + FailureKind.words(e));
        }
        tellAbandoned();
    }

    /** So that what was received does not lie there until the next attempt; it may not be heard. */
    void tellAbandoned() {
        try {
            ask("migration.abandon", Map.of());
        } catch (IOException e) {
            LOG.debug("the other side was not told that the migration ended", e);
        }
    }

    /** Marks go, and everything is attached, mounted and started as it was. */
    void stayHere() throws IOException {
        for (Path folder : folders) {
            MovedImage.mark(folder).clear();
        }
        // The device server, and with it the connection, may have ended meanwhile.
        try (DataPlane plane = host.connect()) {
            use.start(plane, true);
        }
        stopped = false;
    }

    /**
     * From the decision on: tells the other side until it answers.
     *
     * @return whether it has the image; else it runs here again
     */
    boolean afterDecision() throws IOException {
        job.pastRecall("the container was handed over to " + peerName
                + ", and only an answer from there says where it runs. 'tidemark migrations abandon' there refuses it");
        long wait = FIRST_WAIT_MILLIS;
        boolean told = false;
        while (handOver.mustTell().isPresent()) {
            if (isTakenBack()) {
                job.log("taken back: somebody answered for " + peerName);
                handOver.receive(
                        new Message(Message.Kind.REFUSED, handOver.record().attempt()));
                continue;
            }
            job.phase(told ? "waiting for " + peerName + " to answer" : "handing over to " + peerName);
            try {
                Optional<Message> said = HandOverWords.message(ask(
                        "migration.message",
                        HandOverWords.of(handOver.mustTell().get())));
                if (said.isPresent()) {
                    handOver.receive(said.get());
                    continue;
                }
            } catch (IOException e) {
                if (!told) {
                    job.log("decided, and " + peerName + " does not answer: " + FailureKind.words(e)
                            + ". The container stays stopped here until it does");
                }
                migrations.state(migration.id(), MigrationEntry.State.LEAVING, FailureKind.words(e));
            }
            told = true;
            pause(wait);
            wait = Math.min(2 * wait, LONGEST_WAIT_MILLIS);
        }
        if (handOver.record().state() == HandOverRecord.State.GONE) {
            return true;
        }
        stayHere();
        migrations.state(
                migration.id(),
                MigrationEntry.State.ENDED,
                (isTakenBack() ? "taken back" : peerName + " refused it") + "; the container runs here again");
        tellAbandoned();
        return false;
    }

    private boolean isTakenBack() {
        return migrations
                .find(migration.id())
                .map(now -> now.details().containsKey(MigrationOrders.TAKEN_BACK))
                .orElse(false);
    }

    /** Once it is decided only the end of the appliance ends the waiting, and then it goes on afterwards. */
    private void pause(long millis) throws IOException {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (job.getAsBoolean()) {
            throw new ApplianceException(
                    FailureKind.CANCELLED,
                    "the migration is decided; it goes on when the appliance starts, or by 'tidemark migrations resume'");
        }
    }

    /** Marks are of no use any more: the record says it. */
    void clearMarks() throws IOException {
        for (Path folder : folders) {
            MovedImage.mark(folder).clear();
        }
    }

    /** Waits until the container runs there; what the other side says of it otherwise. */
    Started awaitStarted() {
        job.phase("waiting until it runs on " + peerName);
        long end = System.nanoTime() + STARTED_WITHIN.toNanos();
        String last = "it was not started within " + STARTED_WITHIN.toSeconds() + " s";
        while (System.nanoTime() - end < 0 && !job.getAsBoolean()) {
            try {
                Map<String, Object> status = ask("migration.status", Map.of());
                if (MigrationEntry.State.STARTED.name().equals(status.get("state"))) {
                    return new Started(stoppedNanos == 0 ? null : (System.nanoTime() - stoppedNanos) / 1_000_000, null);
                }
                if (status.get("notice") != null) {
                    last = String.valueOf(status.get("notice"));
                    break;
                }
                Thread.sleep(LOOK_MILLIS);
            } catch (IOException e) {
                last = FailureKind.words(e);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        return new Started(null, last);
    }

    /**
     * How it ended.
     *
     * @param downMillis from the stop here to the start there; null when that is not known
     * @param notice why it was not started; null when it was
     */
    record Started(@Nullable Long downMillis, @Nullable String notice) {}

    /** For a new migration. */
    static String newId() {
        return UUID.randomUUID().toString();
    }
}
