/**
 * The proof that no crash loses data and that no input is believed, in one place: {@link
 * org.tidemark.ploop.proof.CrashHarnesses} lists every kind of random life, {@link org.tidemark.ploop.proof.Fuzzers} every kind
 * of damaged input. {@code CrashProofTest} and {@code FuzzProofTest} run some of each in every build, {@code Soak} a million.
 * The figures, and what is proven by what, are in {@code docs/proof.md}.
 */
package org.tidemark.ploop.proof;
