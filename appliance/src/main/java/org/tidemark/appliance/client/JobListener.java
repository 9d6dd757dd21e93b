package org.tidemark.appliance.client;

/** Is told how a job goes on. */
public interface JobListener {
    /** The job as it is now; the same state may come twice. */
    void changed(Answer job);
}
