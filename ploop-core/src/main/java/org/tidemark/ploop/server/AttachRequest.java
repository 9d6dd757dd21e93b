package org.tidemark.ploop.server;

import java.nio.file.Path;
import java.util.regex.Pattern;
import org.tidemark.ploop.chain.ImagePlace;

/**
 * What to attach.
 *
 * @param deviceId the name of the device on this host; names its folder and its records
 * @param image the image, a folder with a descriptor or a single file; its path is absolute when it is one of this host
 * @param options whatever else the {@link DeviceOpener} understands, kept as it is in the record of the device
 */
public record AttachRequest(String deviceId, ImagePlace image, boolean readOnly, Fields options) {
    private static final Pattern DEVICE_ID = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}");

    public AttachRequest {
        if (!DEVICE_ID.matcher(deviceId).matches()) {
            throw new IllegalArgumentException(
                    "name of a device: up to 64 letters, digits, '_', '-' or '.', not '" + deviceId + "'");
        }
        if (image.path().isPresent() && !image.path().get().isAbsolute()) {
            throw new IllegalArgumentException(image + ": the path of an image must be absolute");
        }
    }

    /** Of an image of this host. */
    public AttachRequest(String deviceId, Path image, boolean readOnly, Fields options) {
        this(deviceId, ImagePlace.of(image), readOnly, options);
    }

    /** The snapshot that is wanted instead of the image's present content; empty for the image itself. */
    String level() throws ControlException {
        return options.text("level", "").toLowerCase(java.util.Locale.ROOT);
    }

    static AttachRequest of(Fields fields) throws ControlException {
        ImagePlace image = ImagePlace.of(fields.text("image"));
        return new AttachRequest(
                fields.text("device", nameFor(image)), image, fields.flag("readOnly"), fields.object("options"));
    }

    Fields toFields() {
        return Fields.of(
                "device", deviceId, "image", image.toString(), "readOnly", readOnly, "options", options.values());
    }

    /** The name a device gets when nobody gave it one: the image's own, and something of its path. */
    static String nameFor(ImagePlace image) {
        String plain = image.fileName().replaceAll("[^A-Za-z0-9_-]", "_");
        String start = plain.length() > 40 ? plain.substring(0, 40) : plain;
        String whole = image.path().map(Path::normalize).map(Path::toString).orElseGet(image::toString);
        String mark = Integer.toHexString(whole.hashCode());
        return (start.startsWith("-") ? "_" : "") + start + "-" + mark;
    }
}
