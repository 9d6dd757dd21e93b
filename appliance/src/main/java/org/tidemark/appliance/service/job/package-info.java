/**
 * Jobs: queued in the catalogue, run by a few threads, told to whoever listens. A job that the appliance did not live to end is
 * run again at the next start, or failed with the reason after some attempts; a backup that had committed before is recognised
 * by the mark in its point.
 */
@NullMarked
package org.tidemark.appliance.service.job;

import org.jspecify.annotations.NullMarked;
