package org.tidemark.ploop.format.qcow2;

import java.nio.charset.StandardCharsets;

/** One header extension. */
public final class HeaderExtension {
    private final int type;
    private final long position;
    private final byte[] data;

    HeaderExtension(int type, long position, byte[] data) {
        this.type = type;
        this.position = position;
        this.data = data;
    }

    int type() {
        return type;
    }

    /** Where its data lies in the file. */
    long position() {
        return position;
    }

    byte[] data() {
        return data;
    }

    String text() {
        return new String(data, StandardCharsets.UTF_8);
    }
}
