/**
 * The control plane. {@link org.tidemark.appliance.Serve} starts it; imports point down: {@code rest}, {@code security} and
 * {@code health} above {@code service}, that above {@code persistence} and the libraries. The command line is a program of its
 * own that speaks to it over HTTP.
 */
@NullMarked
package org.tidemark.appliance;

import org.jspecify.annotations.NullMarked;
