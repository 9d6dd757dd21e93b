package org.tidemark.ploop.sim;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.function.Predicate;
import org.tidemark.ploop.os.OsException;

/** Which operations of a {@link SimulatedDisk} fail. Rules are used up when they have fired. */
public final class FaultPlan {
    private final List<Rule> rules = new ArrayList<>();
    private long operations;
    private long powerOffAt = Long.MAX_VALUE;

    /** What is tried. */
    public enum Kind {
        READ,
        WRITE,
        PUNCH,
        TRUNCATE,
        FLUSH,
        OPEN,
        CREATE,
        RENAME,
        DELETE,
        SYNC
    }

    /** One try; position and length are 0 where they mean nothing. */
    public record Attempt(Kind kind, String name, long position, long length) {}

    private static final class Rule {
        final Predicate<Attempt> matches;
        final int errno;
        final boolean forEver;
        int left;

        Rule(Predicate<Attempt> matches, int errno, int nth, boolean forEver) {
            this.matches = matches;
            this.errno = errno;
            this.left = nth;
            this.forEver = forEver;
        }
    }

    /** Operations so far, of every kind. */
    public synchronized long operations() {
        return operations;
    }

    /** The {@code nth} (from 1) operation from now on that matches fails with {@code errno}. */
    public synchronized void failNth(int nth, Predicate<Attempt> matches, int errno) {
        rules.add(new Rule(matches, errno, nth, false));
    }

    /** Every operation from now on that matches fails. */
    public synchronized void failAlways(Predicate<Attempt> matches, int errno) {
        rules.add(new Rule(matches, errno, 1, true));
    }

    /** The operation with that number (see {@link #operations}, the first one has number 1) and every later one fails. */
    public synchronized void powerOffAt(long operation) {
        powerOffAt = operation;
    }

    /** No faults any more. */
    public synchronized void clear() {
        rules.clear();
        powerOffAt = Long.MAX_VALUE;
    }

    /** Whether a rule is left that has not fired. */
    public synchronized boolean pending() {
        return !rules.isEmpty();
    }

    /** A write, punch or read that touches {@code [from, to)} of a file. */
    public static Predicate<Attempt> touching(Kind kind, String name, long from, long to) {
        return attempt -> attempt.kind() == kind
                && attempt.name().equals(name)
                && attempt.position() < to
                && attempt.position() + attempt.length() > from;
    }

    synchronized void check(Kind kind, String name, long position, long length) throws IOException {
        operations++;
        if (operations >= powerOffAt) {
            throw new PowerOffException(name + ": the machine has no power");
        }
        Attempt attempt = new Attempt(kind, name, position, length);
        for (Iterator<Rule> iterator = rules.iterator(); iterator.hasNext(); ) {
            Rule rule = iterator.next();
            if (rule.matches.test(attempt) && (rule.forEver || --rule.left == 0)) {
                if (!rule.forEver) {
                    iterator.remove();
                }
                throw new OsException("simulated " + kind + " at " + position, name, rule.errno);
            }
        }
    }

    /** The machine went down: nothing that was asked after it happened. */
    public static final class PowerOffException extends IOException {
        private static final long serialVersionUID = 1L;

        PowerOffException(String message) {
            super(message);
        }
    }
}
