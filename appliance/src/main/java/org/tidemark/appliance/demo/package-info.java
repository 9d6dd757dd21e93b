/**
 * The demonstration: a container under load is backed up, destroyed and restored, and what is in the restored image is
 * compared with what the load says it wrote.
 *
 * <p>The load ({@link org.tidemark.appliance.demo.DemoLoad}) runs in a process of its own and keeps a log outside the
 * container: each write when it was issued and when it was acknowledged (fsync returned, or the transaction committed), on
 * the monotonic clock that all processes of a host share. {@link org.tidemark.appliance.demo.LoadProof} holds a restored
 * image against that log: what was acknowledged before the freeze began must be there, what was issued after the thaw must
 * not, and everything that is there must be whole.
 */
@NullMarked
package org.tidemark.appliance.demo;

import org.jspecify.annotations.NullMarked;
