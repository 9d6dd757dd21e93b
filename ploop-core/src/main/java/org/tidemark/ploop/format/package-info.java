/**
 * The format modules: how a virtual disk lies in a file.
 *
 * <p>A {@link org.tidemark.ploop.format.Delta} is one open file of a chain. It maps <i>virtual clusters</i> to <i>physical
 * clusters</i> of its file, reads and writes inside physical clusters, and hands out new ones. It keeps no map in memory:
 * that is the device's {@code ClusterMap}, one for the whole chain, so that looking up costs the same at any depth. The
 * device asks a delta for pages of its map and gives changed pages back to be written.
 *
 * <p><b>Map page</b> {@code p}: the 1,024 clusters whose table entries share 4 KiB page {@code p} of an expanded image's
 * file, that is virtual clusters {@code 1024 p - 16 .. 1024 p + 1007} (the header takes the room of sixteen entries). In a
 * page the cluster {@code c} has slot {@code (c + 16) % 1024}. Every format uses the same pages.
 *
 * <p><b>In place or not.</b> A physical cluster may be one that can only be read: compressed, shared with a snapshot inside
 * the file. {@link org.tidemark.ploop.format.Delta#inPlace} tells, and a write puts a fresh cluster in its place.
 *
 * <p><b>Order of writing.</b> The data of a new cluster is durable before the table entry that names it; then a crash leaves
 * at worst a cluster that nobody uses. A delta does not enforce this: {@code PloopDevice.flush} does, and tests run on a
 * checking decorator that refuses the wrong order.
 */
@NullMarked
package org.tidemark.ploop.format;

import org.jspecify.annotations.NullMarked;
