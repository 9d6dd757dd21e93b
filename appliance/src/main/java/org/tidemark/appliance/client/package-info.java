/**
 * How programs on the command line's small class path speak to the appliance: REST over the JDK's own connections, progress over
 * server-sent events. Knows nothing of the framework that serves them.
 */
@NullMarked
package org.tidemark.appliance.client;

import org.jspecify.annotations.NullMarked;
