/**
 * Which files make up an image.
 *
 * <p>An image is a folder with {@code DiskDescriptor.xml} and the files it names, or a single file. {@link
 * org.tidemark.ploop.chain.DiskDescriptor} is the text, {@link org.tidemark.ploop.chain.ChainFiles} are the files on the way
 * from the base to the top, {@link org.tidemark.ploop.chain.ImageChain} are those files open, and {@link
 * org.tidemark.ploop.chain.SnapshotOperations} change the tree. A single file becomes a folder at its {@link
 * org.tidemark.ploop.chain.FirstSnapshot}. {@link org.tidemark.ploop.chain.ImageGrowth} makes the disk of an image larger,
 * {@code AttachedGrowth} that of one in use.
 *
 * <p><b>The commit point is one rename.</b> Every change of the tree makes its files durable first, with their names; then the
 * new descriptor replaces the old one. A crash before the rename leaves a file that nobody names, a crash after it leaves the
 * change complete.
 */
@NullMarked
package org.tidemark.ploop.chain;

import org.jspecify.annotations.NullMarked;
