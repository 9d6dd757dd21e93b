/** What the appliance remembers of containers and targets: one small JSON file each, written as a whole. */
@NullMarked
package org.tidemark.appliance.persistence;

import org.jspecify.annotations.NullMarked;
