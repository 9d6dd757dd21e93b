package org.tidemark.ploop.server;

import java.io.IOException;

/** A device server as it was before: it speaks control protocol 1 and nothing newer. */
public final class OlderServerMain {
    private OlderServerMain() {}

    public static void main(String[] arguments) throws IOException {
        DeviceServer.run(arguments, new PloopServerModule(), 1);
    }
}
