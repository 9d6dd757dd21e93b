package org.tidemark.appliance.rest.v1;

import jakarta.annotation.security.RolesAllowed;
import jakarta.inject.Inject;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.time.Instant;
import java.util.List;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.security.Scope;
import org.tidemark.appliance.service.Host;
import org.tidemark.appliance.service.HostNeeds;
import org.tidemark.ploop.server.ControlClient;
import org.tidemark.ploop.server.ControlException;
import org.tidemark.ploop.server.Fields;

/** This appliance and its host. */
@Path("/api/v1/system")
@Produces(MediaType.APPLICATION_JSON)
public final class SystemResource {
    private final Host host;

    @Inject
    public SystemResource(Host host) {
        this.host = host;
    }

    /** The data plane's process. */
    @Schema(name = "DeviceServer")
    @com.fasterxml.jackson.annotation.JsonInclude(com.fasterxml.jackson.annotation.JsonInclude.Include.NON_NULL)
    public record DeviceServerView(
            boolean running,
            @Nullable Long pid,
            @Nullable Long generation,
            @Nullable Integer devices) {}

    /** Something the host should have. */
    @Schema(name = "HostCheck")
    public record Check(String name, boolean ok, String detail) {}

    /** The whole. */
    @Schema(name = "System")
    public record SystemView(
            String version,
            String hostName,
            Instant startedAt,
            long pid,
            String javaVersion,
            String stateFolder,
            DeviceServerView deviceServer,
            long freeBytes,
            List<Check> checks) {}

    @GET
    @RolesAllowed(Scope.MAY_READ)
    public SystemView get() throws IOException {
        return new SystemView(
                version(),
                InetAddress.getLocalHost().getHostName(),
                Instant.ofEpochMilli(ManagementFactory.getRuntimeMXBean().getStartTime()),
                ProcessHandle.current().pid(),
                System.getProperty("java.version", ""),
                host.stateFolder().toString(),
                deviceServer(),
                host.stateFolder().toFile().getUsableSpace(),
                HostNeeds.all().stream()
                        .map(need -> new Check(need.what(), need.present(), need.present() ? "" : need.remedy()))
                        .toList());
    }

    private DeviceServerView deviceServer() throws IOException {
        try (ControlClient client = ControlClient.connect(host.runFolder(), ControlClient.USUAL_LIMIT)) {
            Fields greeting = client.greeting();
            return new DeviceServerView(
                    true,
                    greeting.number("pid", 0),
                    greeting.number("generation", 0),
                    client.devices().size());
        } catch (ControlException e) {
            return new DeviceServerView(false, null, null, null);
        }
    }

    static String version() {
        String version = SystemResource.class.getPackage().getImplementationVersion();
        return version == null ? "development" : version;
    }
}
