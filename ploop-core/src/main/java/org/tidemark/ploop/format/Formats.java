package org.tidemark.ploop.format;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.format.qcow2.Qcow2Format;
import org.tidemark.ploop.format.raw.RawFormat;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * The formats there are.
 *
 * <p><b>Recognising raw images.</b> A raw image has no signature, and whoever uses the disk can write any signature into its
 * first sector. Where the format is known (a descriptor names it), open by {@link #byId}, not by {@link #recognise}.
 */
public final class Formats {
    private static final List<DeltaFormat> ALL = List.of(new ExpandedFormat(), new Qcow2Format(), new RawFormat());

    private static final int SIGNATURE_BYTES = 8;

    /** Signatures of formats that exist elsewhere, so that nobody takes such a file for a raw disk. */
    private static final Map<String, String> FOREIGN = Map.of(
            "QFI\u00fb",
            "QCOW of an unknown version",
            "KDMV",
            "VMDK",
            "vhdxfile",
            "VHDX",
            "conectix",
            "VHD",
            "QED\0",
            "QED",
            "LUKS\u00ba\u00be",
            "LUKS");

    private Formats() {}

    /** Throws UNSUPPORTED for a name that is none. */
    public static DeltaFormat byId(String id) throws ImageException {
        for (DeltaFormat format : ALL) {
            if (format.id().equals(id)) {
                return format;
            }
        }
        throw new ImageException(
                ImageException.Kind.UNSUPPORTED,
                "no image format '" + id + "'; there are "
                        + String.join(", ", ALL.stream().map(DeltaFormat::id).toList()));
    }

    /** The format of a file: by its signature; raw when there is none and the size is a multiple of 512. */
    public static DeltaFormat recognise(ImageIo io) throws IOException {
        for (DeltaFormat format : ALL) {
            if (!format.id().equals(RawFormat.ID) && format.probe(io)) {
                return format;
            }
        }
        String foreign = foreignName(io);
        if (foreign != null) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED, io.name() + ": is a " + foreign + " file, which is not supported");
        }
        DeltaFormat raw = byId(RawFormat.ID);
        if (raw.probe(io)) {
            return raw;
        }
        throw new ImageException(
                ImageException.Kind.NOT_AN_IMAGE,
                io.name() + ": is not an image: no known signature, and its " + io.size()
                        + " bytes are not a positive multiple of 512");
    }

    private static @org.jspecify.annotations.Nullable String foreignName(ImageIo io) throws IOException {
        AlignedBuffer head = AlignedBuffer.allocate(SIGNATURE_BYTES);
        io.read(0, head, 0, SIGNATURE_BYTES);
        byte[] bytes = new byte[SIGNATURE_BYTES];
        head.bytes().get(0, bytes);
        String text = new String(bytes, StandardCharsets.ISO_8859_1);
        for (Map.Entry<String, String> entry : FOREIGN.entrySet()) {
            if (text.startsWith(entry.getKey())) {
                return entry.getValue();
            }
        }
        return null;
    }

    /** Recognises and opens. The file belongs to the delta; when this throws it is still the caller's. */
    public static Delta open(ImageIo io, OpenIntent intent, int clusterSizeBytes, AllocationCursor cursor)
            throws IOException {
        return recognise(io).open(io, intent, clusterSizeBytes, cursor);
    }
}
