package org.tidemark.appliance.service.job;

import java.io.IOException;
import org.tidemark.appliance.persistence.JobEntry;

/** How jobs of one kind are done. */
public interface JobWork {
    JobEntry.Kind kind();

    /**
     * Does it; the result is given to {@code job}. Ends soon, with any exception, when {@code job} says so.
     */
    void run(RunningJob job) throws IOException;
}
