/** What went wrong, in the few kinds a caller can act on. The exit codes and the problems of the API are made of these. */
@NullMarked
package org.tidemark.appliance.failure;

import org.jspecify.annotations.NullMarked;
