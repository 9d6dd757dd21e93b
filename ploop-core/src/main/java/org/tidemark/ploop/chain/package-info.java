/**
 * Which files make up an image.
 *
 * <p>An image is a folder with {@code DiskDescriptor.xml} and the files it names, or a single file. {@link
 * org.tidemark.ploop.chain.DiskDescriptor} is the text, {@link org.tidemark.ploop.chain.ChainFiles} are the files on the way
 * from the base to the top, {@link org.tidemark.ploop.chain.ImageChain} are those files open, and {@link
 * org.tidemark.ploop.chain.SnapshotOperations} change the tree. A single file becomes a folder at its {@link
 * org.tidemark.ploop.chain.FirstSnapshot}, in use by {@code AttachedFirst}. {@link org.tidemark.ploop.chain.ImageGrowth} makes the disk of an image larger,
 * {@code AttachedGrowth} that of one in use.
 *
 * <p><b>The commit point is one rename.</b> Every change of the tree makes its files durable first, with their names; then the
 * new descriptor replaces the old one. A crash before the rename leaves a file that nobody names, a crash after it leaves the
 * change complete.
 *
 * <p><b>qcow2.</b> There is no descriptor: each file names the one it stands on, {@code BackingChain} follows them. {@code
 * OverlayTree} reads the snapshots of an image from the files of its folder, {@code OverlaySnapshots} changes them, {@code
 * AttachedOverlay} does so under a device; the commit point is the rename that gives a file the name of the image or of the
 * level above it. {@code OverlayIntent} says what is under way. {@link
 * org.tidemark.ploop.chain.InternalSnapshots} and {@link org.tidemark.ploop.chain.PersistentBitmaps} are what other programs
 * keep inside the file.
 *
 * <p><b>Trackers and bitmaps.</b> {@code TrackerBinding} keeps the tracker of a closed image right over a change of its files,
 * {@code KeptBitmaps} keeps other programs' bitmaps current while the image is attached: {@code Qcow2Bitmaps}, and {@code
 * ExtensionBitmaps} for expanded images.
 */
@NullMarked
package org.tidemark.ploop.chain;

import org.jspecify.annotations.NullMarked;
