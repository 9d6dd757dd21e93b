package org.tidemark.ploop.server;

import java.io.IOException;
import java.util.ServiceLoader;

/** The device server with the {@link ServerModule} that the class path offers as a service. */
public final class DeviceServerMain {
    private DeviceServerMain() {}

    public static void main(String[] arguments) throws IOException {
        ServerModule module = ServiceLoader.load(ServerModule.class)
                .findFirst()
                .orElseThrow(() -> new IOException("the class path has no " + ServerModule.class.getName()));
        DeviceServer.run(arguments, module);
    }
}
