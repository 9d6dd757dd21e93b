/**
 * The command line: a plain picocli main. Image verbs work on files; what needs a device talks to the device server of this
 * host and starts it when need be.
 *
 * <p>Every command takes {@code --json}. Errors are one sentence on standard error, without a stack trace ({@code
 * TIDEMARK_TRACE=1} shows it), and an exit code of {@link org.tidemark.appliance.cli.ExitCodes}.
 */
@NullMarked
package org.tidemark.appliance.cli;

import org.jspecify.annotations.NullMarked;
