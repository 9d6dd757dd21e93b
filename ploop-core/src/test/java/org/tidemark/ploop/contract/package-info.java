/**
 * What every implementation of an interface must do, written once. A concrete test class only says how to make the thing;
 * weaker implementations are asked for their capabilities and not skipped.
 */
package org.tidemark.ploop.contract;
