/** Use cases: what a user asks for, put together from catalogue, device server, repository and engine. */
@NullMarked
package org.tidemark.appliance.service;

import org.jspecify.annotations.NullMarked;
