package org.tidemark.appliance.rest.v1;

import jakarta.validation.constraints.NotEmpty;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/**
 * A folder on an NFS server, which the appliance speaks to itself: nothing is mounted.
 *
 * @param address {@code nfs://server[:port]/export/path[?uid=N&gid=N&mountport=N]}
 */
@Schema(name = "NfsSettings")
public record NfsSettings(@NotEmpty String address) {}
