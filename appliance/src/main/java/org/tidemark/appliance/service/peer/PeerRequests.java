package org.tidemark.appliance.service.peer;

import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.tidemark.appliance.persistence.PeerEntry;

/** What other appliances may ask of this one. Called by several threads, one for each connection. */
public interface PeerRequests {
    Set<String> operations();

    /** A request of a paired appliance. */
    record Call(PeerEntry peer, String operation, Map<String, Object> request, PeerChannel channel) {
        public String text(String name) {
            Object value = request.get(name);
            return value == null ? "" : value.toString();
        }
    }

    /** The answer; empty when the connection was used as a stream, and ends. What is thrown is told to the other side. */
    Optional<Map<String, Object>> answer(Call call) throws IOException;
}
