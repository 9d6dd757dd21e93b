package org.tidemark.ploop.server;

import java.io.IOException;
import java.util.List;

/** A device server that promises everything and ends as soon as it is to serve. */
public final class ShortLivedServerMain {
    private ShortLivedServerMain() {}

    public static void main(String[] arguments) throws IOException {
        if (List.of(arguments).contains(ServerCommand.PROBE)) {
            DeviceServer.run(arguments, new PloopServerModule(), 2);
            return;
        }
        Runtime.getRuntime().halt(3);
    }
}
