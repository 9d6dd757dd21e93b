package org.tidemark.ploop.server;

import org.tidemark.ploop.device.StateArea;

/**
 * What a device gets to live with.
 *
 * @param area memory that outlives this process
 * @param keeper for descriptors that must outlive this process
 * @param takeOver whether a predecessor on this host served the device and died: its locks are kept, its state is in the
 *     area, and the image's in-use mark is its own. False: a fresh attach
 */
public record OpenContext(StateArea area, DescriptorKeeper keeper, boolean takeOver) {}
