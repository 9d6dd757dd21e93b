package org.tidemark.ploop.server;

import java.io.IOException;
import java.util.Optional;
import java.util.UUID;
import java.util.function.LongSupplier;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.chain.HeldLocks;
import org.tidemark.ploop.chain.OwnerRecord;
import org.tidemark.ploop.chain.SnapshotLevel;
import org.tidemark.ploop.device.BlockDevice;
import org.tidemark.ploop.device.attach.LoopWindow;
import org.tidemark.ploop.os.HostIdentity;
import org.tidemark.ploop.partition.GuidPartitionTable;
import org.tidemark.ploop.partition.Partition;

/**
 * Opens images for the device server: locks them and gives the locks' descriptors to the holder, opens chain, tracker and
 * device, finds the partition. Options of a request: {@code recover} (whoever had the image last), {@code untracked}, and {@code level}
 * (a snapshot of the image, under a throw-away overlay).
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
        ChainFiles files = AttachedImage.filesOf(request.image());
        if (!request.readOnly()) {
            AttachedImage.tidyNames(files);
        }
        HeldLocks locks = context.takeOver()
                ? KeptLocks.takeOver(files, !request.readOnly(), context.keeper())
                : KeptLocks.take(files, !request.readOnly(), context.keeper());
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
        boolean again = context.takeOver();
        ChainFiles files = again
                ? SnapshotLevel.withKeptOverlay(request.image(), level, request.deviceId())
                : SnapshotLevel.withOverlay(request.image(), level, request.deviceId());
        HeldLocks locks = again
                ? KeptLocks.takeOver(files, true, context.keeper())
                : KeptLocks.take(files, true, context.keeper());
        return AttachedImage.open(
                files,
                again ? AttachedImage.Use.TAKE_OVER : AttachedImage.Use.READ_WRITE,
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
