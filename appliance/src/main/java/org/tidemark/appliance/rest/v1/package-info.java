/** Version 1 of the HTTP interface. Each resource says with {@code @RolesAllowed} which scope it takes. */
@NullMarked
package org.tidemark.appliance.rest.v1;

import org.jspecify.annotations.NullMarked;
