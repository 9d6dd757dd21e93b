/**
 * Version 1 of the HTTP interface. Resources translate between requests and use cases and know nothing else; what they give out
 * are records made for it, never rows of the catalogue.
 */
@NullMarked
package org.tidemark.appliance.rest.v1;

import org.jspecify.annotations.NullMarked;
