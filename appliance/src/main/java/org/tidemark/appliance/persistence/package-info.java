/**
 * The catalogue: what the appliance remembers. One class for each table or pair of tables, plain SQL, JSON where nobody
 * searches. Losing it loses no recovery point: repositories describe themselves.
 */
@NullMarked
package org.tidemark.appliance.persistence;

import org.jspecify.annotations.NullMarked;
