/** The HTTP interface: what every version of it shares, above all how failures are told (RFC 9457). */
@NullMarked
package org.tidemark.appliance.rest;

import org.jspecify.annotations.NullMarked;
