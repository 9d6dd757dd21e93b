/** What the appliance tells machines about itself: whether it lives and is ready, and its numbers. */
@NullMarked
package org.tidemark.appliance.health;

import org.jspecify.annotations.NullMarked;
