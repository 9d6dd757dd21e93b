package org.tidemark.ploop.os;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One line of {@code /proc/self/mountinfo}.
 *
 * @param device {@code major:minor} as {@code st_dev} shows it; of an anonymous kind for btrfs, overlay, FUSE
 * @param root the folder (or file) within the file system that is mounted here
 * @param source what was mounted, for instance {@code /dev/loop3}
 */
public record MountEntry(
        int mountId,
        int parentId,
        String device,
        String root,
        Path mountPoint,
        List<String> options,
        String type,
        String source,
        List<String> superOptions) {

    /**
     * Whether it is a mount of a block device.
     *
     * @param number {@code major:minor}
     */
    public boolean isOf(String number, Path blockDevice) {
        // btrfs has a device number of its own; its mounts are known by what was mounted.
        return device.equals(number) || source.equals(blockDevice.toString());
    }

    /** Reads one line; null when it is not one. */
    static @Nullable MountEntry parse(String line) {
        String[] fields = line.split(" ", -1);
        int dash = 6;
        while (dash < fields.length && !"-".equals(fields[dash])) {
            dash++;
        }
        if (dash + 2 >= fields.length) {
            return null;
        }
        return new MountEntry(
                Integer.parseInt(fields[0]),
                Integer.parseInt(fields[1]),
                fields[2],
                unescape(fields[3]),
                Path.of(unescape(fields[4])),
                List.of(fields[5].split(",", -1)),
                fields[dash + 1],
                unescape(fields[dash + 2]),
                dash + 3 < fields.length ? List.of(fields[dash + 3].split(",", -1)) : List.of());
    }

    static List<MountEntry> parseAll(String text) {
        List<MountEntry> entries = new ArrayList<>();
        for (String line : text.split("\n", -1)) {
            MountEntry entry = line.isEmpty() ? null : parse(line);
            if (entry != null) {
                entries.add(entry);
            }
        }
        return entries;
    }

    /** The kernel writes blank, tab, newline and backslash as three octal digits. */
    private static String unescape(String text) {
        if (text.indexOf('\\') < 0) {
            return text;
        }
        byte[] in = text.getBytes(StandardCharsets.ISO_8859_1);
        byte[] out = new byte[in.length];
        int length = 0;
        for (int i = 0; i < in.length; i++) {
            if (in[i] == '\\' && i + 3 < in.length) {
                out[length++] = (byte) Integer.parseInt(text.substring(i + 1, i + 4), 8);
                i += 3;
            } else {
                out[length++] = in[i];
            }
        }
        return new String(out, 0, length, StandardCharsets.UTF_8);
    }
}
