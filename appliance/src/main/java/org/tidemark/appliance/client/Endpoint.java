package org.tidemark.appliance.client;

import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Where an appliance is and how it is spoken to.
 *
 * @param url without a slash at the end
 * @param certificateSha256 fingerprint of the only certificate that is trusted; null trusts by authority
 * @param authority PEM file with the authority that signed the certificate; null for those Java knows
 * @param local found in the state folder of this host
 */
public record Endpoint(
        String url,
        String token,
        @Nullable String certificateSha256,
        @Nullable Path authority,
        boolean local) {

    /** Finds the endpoint; asked again when an appliance may have been started anew. */
    public interface Source {
        Endpoint find() throws IOException;
    }

    /** Without the token. */
    @Override
    public String toString() {
        return url;
    }
}
