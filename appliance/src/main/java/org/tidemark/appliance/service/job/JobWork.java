package org.tidemark.appliance.service.job;

import java.io.IOException;
import java.util.List;
import org.tidemark.appliance.persistence.JobEntry;

/** How jobs of some kinds are done. */
public interface JobWork {
    List<JobEntry.Kind> kinds();

    /**
     * Does it; the result is given to {@code job}. Ends soon, with any exception, when {@code job} says so.
     */
    void run(RunningJob job) throws IOException;
}
