/**
 * Moving a container to another appliance: its images with their snapshots and what their tracker knows, its definition and policies.
 *
 * <pre>
 *   source, {@link org.tidemark.appliance.service.migration.Departure}      destination, {@link org.tidemark.appliance.service.migration.Arrivals}
 *   migration.begin: what comes, where it is to lie        -->  looks whether it can; folders NAME.tidemark-incoming
 *   frozen deltas, descriptors, then the tops, live        -->  migration.file: a checked stream for each file
 *   PREPARE                                                -->  record AWAITED, READY
 *   stop: container, mounts, devices; the rest of the tops -->  every file whole, durable, under its name
 *   migration.seal: what the closed images look like       -->  looks whether everything is there
 *   record LEAVING, COMMIT, until it is answered           -->  folders get their names, record OWNER, TAKEN
 *   record GONE; container and policies are forgotten      -->  container and policies are known; job ARRIVE starts it
 * </pre>
 *
 * <p>Records and messages are those of {@link org.tidemark.ploop.handover}: up to LEAVING every failure, also the death of the
 * source's appliance, ends with the container running where it was; after it the source stays stopped until it is told. The records
 * lie beside the images and say who may write to them; the table of migrations only finds them again.
 */
@NullMarked
package org.tidemark.appliance.service.migration;

import org.jspecify.annotations.NullMarked;
