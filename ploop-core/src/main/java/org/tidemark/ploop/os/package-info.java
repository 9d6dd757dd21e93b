/**
 * The only package that calls native code, through jnr-ffi.
 *
 * <p>Everything above sees plain Java types: a descriptor is an {@code int} inside {@link org.tidemark.ploop.os.NativeFile}
 * or a small class of its own, an address is a {@code long} that came from
 * {@link org.tidemark.ploop.os.NativeMemory}, a failure is an {@link org.tidemark.ploop.os.OsException} with the errno.
 *
 * <p><b>Six arguments.</b> The stub that jnr-ffi generates on x86-64 hands garbage to the sixth integer argument of a
 * call. No function with six arguments is bound here; where the kernel wants six, the call goes through
 * {@code syscall(2)} with seven, which takes another path in jnr-ffi.
 */
@NullMarked
package org.tidemark.ploop.os;

import org.jspecify.annotations.NullMarked;
