/**
 * The formats against the programs of others: qemu and the ploop tools. What these programs report wrongly is a closed list,
 * each entry pinned by a test in {@link org.tidemark.ploop.interop.KnownFalseFindingsInteropIT}.
 */
package org.tidemark.ploop.interop;
