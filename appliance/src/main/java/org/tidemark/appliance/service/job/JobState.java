package org.tidemark.appliance.service.job;

import org.tidemark.appliance.persistence.JobEntry;

/** A job as the catalogue has it, and how far it is. */
public record JobState(JobEntry entry, JobProgress progress) {}
