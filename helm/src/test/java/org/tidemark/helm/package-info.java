/** Tests of the chart in {@code helm/tidemark}: with helm itself, as a library; no cluster is needed. */
@NullMarked
package org.tidemark.helm;

import org.jspecify.annotations.NullMarked;
