package org.tidemark.appliance.service.job;

import java.util.Map;
import org.tidemark.backup.target.MeteredTarget;
import org.tidemark.backup.target.RequestCounter;

/** What a job sent to its target, as part of its result; repeated requests count. */
public final class RequestCounts {
    private RequestCounts() {}

    public static void put(Map<String, Object> result, RequestCounter counter) {
        MeteredTarget.Count count = counter.count();
        result.put("requests", count.requests());
        result.put("requestBytesPut", count.bytesPut());
        result.put("requestBytesGot", count.bytesGot());
    }
}
