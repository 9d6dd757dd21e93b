/** Settings of the appliance: what may be set, its defaults, and how the command line and the environment set it. */
@NullMarked
package org.tidemark.appliance.config;

import org.jspecify.annotations.NullMarked;
