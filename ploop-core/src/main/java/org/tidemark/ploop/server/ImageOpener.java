package org.tidemark.ploop.server;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import java.util.function.LongSupplier;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.chain.HeldLocks;
import org.tidemark.ploop.chain.NfsImage;
import org.tidemark.ploop.chain.OwnerRecord;
import org.tidemark.ploop.chain.SnapshotLevel;
import org.tidemark.ploop.device.BlockDevice;
import org.tidemark.ploop.device.attach.LoopWindow;
import org.tidemark.ploop.io.nfs.NfsImageSettings;
import org.tidemark.ploop.os.HostIdentity;
import org.tidemark.ploop.os.nfs.NfsLocation;
import org.tidemark.ploop.partition.GuidPartitionTable;
import org.tidemark.ploop.partition.Partition;

/**
 * Opens images for the device server: locks them and gives the locks' descriptors to the holder, opens chain, tracker and
 * device, finds the partition. Options of a request: {@code recover} (whoever had the image last), {@code untracked}, {@code level}
 * (a snapshot of the image, under a throw-away overlay), {@code nfsSettleMillis} and {@code nfsLeaseSeconds} (see {@link
 * NfsImage#forDevice}).
 */
final class ImageOpener implements DeviceOpener {
    private final LongSupplier generation;

    /** {@code generation} tells the how-manieth device server of this host this is. */
    ImageOpener(LongSupplier generation) {
        this.generation = generation;
    }

    @Override
    public BlockDevice open(AttachRequest request, OpenContext context) throws IOException {
        String level = request.level();
        if (!level.isEmpty()) {
            return openLevel(request, level, context);
        }
        if (request.image().nfs().isPresent()) {
            return openOnNfs(request.image().nfs().get(), request, context);
        }
        ChainFiles files = AttachedImage.filesOf(request.image());
        if (!request.readOnly()) {
            AttachedImage.tidyNames(files);
        }
        return open(files, lock(files, request, context), request, context);
    }

    /** What is written and not durable there is in the device's memory, and its files are opened by one object. */
    private AttachedImage openOnNfs(NfsLocation location, AttachRequest request, OpenContext context)
            throws IOException {
        NfsImage image = nfsImage(location, request, context);
        boolean locked = false;
        ChainFiles files;
        HeldLocks locks;
        try {
            files = image.files();
            locks = image.closingAfter(lock(files, request, context));
            locked = true;
        } finally {
            if (!locked) {
                image.close();
            }
        }
        return open(files, locks, request, context);
    }

    private static NfsImage nfsImage(NfsLocation location, AttachRequest request, OpenContext context)
            throws IOException {
        NfsImageSettings usual = NfsImageSettings.defaults();
        Duration settleTime = Duration.ofMillis(
                request.options().number("nfsSettleMillis", usual.settleTime().toMillis()));
        Duration lease = Duration.ofSeconds(
                request.options().number("nfsLeaseSeconds", usual.lease().toSeconds()));
        return NfsImage.forDevice(location, context.area(), settleTime, lease);
    }

    private static HeldLocks lock(ChainFiles files, AttachRequest request, OpenContext context) throws IOException {
        return context.takeOver()
                ? KeptLocks.takeOver(files, !request.readOnly(), context.keeper())
                : KeptLocks.take(files, !request.readOnly(), context.keeper());
    }

    private AttachedImage open(ChainFiles files, HeldLocks locks, AttachRequest request, OpenContext context)
            throws IOException {
        return AttachedImage.open(
                files,
                use(request, context),
                context.area(),
                locks,
                !request.options().flag("untracked"),
                new OwnerRecord(HostIdentity.read(), generation.getAsLong()),
                UUID::randomUUID);
    }

    /** A snapshot beside its image, under an overlay that goes with the device. */
    private AttachedImage openLevel(AttachRequest request, String level, OpenContext context) throws IOException {
        Optional<NfsLocation> far = request.image().nfs();
        if (far.isEmpty()) {
            Path image = request.image().requireHost("does not show its snapshots");
            ChainFiles files = underOverlay(AttachedImage.levelOf(image, level), request, context);
            return openLevel(files, lockLevel(files, context), context);
        }
        NfsImage image = nfsImage(far.get(), request, context);
        boolean locked = false;
        ChainFiles files;
        HeldLocks locks;
        try {
            files = underOverlay(image.level(level), request, context);
            locks = image.closingAfter(lockLevel(files, context));
            locked = true;
        } finally {
            if (!locked) {
                image.close();
            }
        }
        return openLevel(files, locks, context);
    }

    private static ChainFiles underOverlay(ChainFiles level, AttachRequest request, OpenContext context)
            throws IOException {
        return context.takeOver()
                ? SnapshotLevel.withKeptOverlay(level, request.deviceId())
                : SnapshotLevel.withOverlay(level, request.deviceId());
    }

    private static HeldLocks lockLevel(ChainFiles files, OpenContext context) throws IOException {
        return context.takeOver()
                ? KeptLocks.takeOver(files, true, context.keeper())
                : KeptLocks.take(files, true, context.keeper());
    }

    private AttachedImage openLevel(ChainFiles files, HeldLocks locks, OpenContext context) throws IOException {
        return AttachedImage.open(
                files,
                context.takeOver() ? AttachedImage.Use.TAKE_OVER : AttachedImage.Use.READ_WRITE,
                context.area(),
                SnapshotLevel.throwingAway(files, locks),
                false,
                new OwnerRecord(HostIdentity.read(), generation.getAsLong()),
                UUID::randomUUID);
    }

    private static AttachedImage.Use use(AttachRequest request, OpenContext context) throws IOException {
        if (request.readOnly()) {
            return AttachedImage.Use.READ_ONLY;
        }
        if (context.takeOver()) {
            return AttachedImage.Use.TAKE_OVER;
        }
        return request.options().flag("recover") ? AttachedImage.Use.RECOVER : AttachedImage.Use.READ_WRITE;
    }

    /** The first partition of a disk that has a partition table, else the whole disk. */
    @Override
    public LoopWindow window(AttachRequest request, BlockDevice device) throws IOException {
        if (request.options().flag("wholeDisk")) {
            return LoopWindow.WHOLE;
        }
        Optional<GuidPartitionTable> table = GuidPartitionTable.read(device);
        if (table.isEmpty() || table.get().partitions().isEmpty()) {
            return LoopWindow.WHOLE;
        }
        Partition first = table.get().partitions().get(0);
        return new LoopWindow(first.offsetBytes(), first.lengthBytes());
    }
}
