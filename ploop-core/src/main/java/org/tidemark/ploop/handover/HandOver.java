package org.tidemark.ploop.handover;

import java.io.IOException;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.handover.HandOverRecord.State;

/**
 * One side of an image that is handed over, see the package. A fresh object after each start of the process; whoever has it asks {@link
 * #mayWrite} before the image is used, and stops using it before {@link #decide}. Not safe for several threads.
 *
 * <p>When a method throws, what is durable is not known: this side may not write until {@link #recover} succeeds.
 */
public final class HandOver {
    private final HandOverStore store;
    private HandOverRecord record;
    /** What is going on as the source, before the decision; forgotten by a crash, which means no. */
    private @Nullable Attempt offered;

    private boolean prepared;
    private boolean stopped;
    private boolean unknown;

    /** Goes on where the record says. */
    public HandOver(HandOverStore store) throws IOException {
        this.store = store;
        this.record = store.read();
    }

    /** Makes this side the owner of an image that nobody had before. */
    public void found() throws IOException {
        require(record.state() == State.NOTHING, "the image has an owner");
        write(new HandOverRecord(State.OWNER, new Attempt(1, 1)));
    }

    /** Whether the image may be used here now. */
    public boolean mayWrite() {
        return !unknown && !stopped && record.state() == State.OWNER;
    }

    /** What is known for sure. */
    public HandOverRecord record() {
        return record;
    }

    private static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new IllegalStateException(otherwise);
        }
    }

    private void write(HandOverRecord next) throws IOException {
        unknown = true;
        store.write(next);
        record = next;
        unknown = false;
    }

    /** Finds out what is durable after a write that failed; an offer that was not decided is withdrawn. */
    public void recover() throws IOException {
        record = store.read();
        // What was read may be in a cache only.
        write(record);
        offered = null;
        stopped = false;
    }

    /**
     * As the owner: begins an attempt. The image goes on being used.
     *
     * @return what to tell the other side, until {@link #isPrepared}
     */
    public Message offer() throws IOException {
        require(record.state() == State.OWNER && !unknown, "only the owner can hand the image over");
        withdraw();
        Attempt mine = record.attempt();
        // A number is used once, whatever becomes of this process.
        write(new HandOverRecord(State.OWNER, new Attempt(mine.epoch(), mine.number() + 1)));
        offered = new Attempt(mine.epoch() + 1, mine.number() + 1);
        prepared = false;
        return new Message(Message.Kind.PREPARE, offered);
    }

    /** Whether the other side is ready for what was offered. */
    public boolean isPrepared() {
        return offered != null && prepared;
    }

    /** From here on {@link #mayWrite} is false; the rest is copied now. */
    public void stop() {
        require(isPrepared(), "nobody is ready for it");
        stopped = true;
    }

    /** Before {@link #decide}: this side stays the owner and goes on. Needs nobody and nothing. */
    public void withdraw() {
        offered = null;
        prepared = false;
        if (!unknown) {
            stopped = false;
        }
    }

    /**
     * The decision. From here on this side is stopped until it hears what became of it.
     *
     * @return what to tell the other side, again and again while {@link #mustTell} says so
     */
    public Message decide() throws IOException {
        Attempt attempt = offered;
        if (attempt == null || !stopped || record.state() != State.OWNER) {
            throw new IllegalStateException("it was not stopped for that");
        }
        write(new HandOverRecord(State.LEAVING, attempt));
        offered = null;
        return new Message(Message.Kind.COMMIT, attempt);
    }

    /** What the other side has to be told until it answers, also after a start. */
    public Optional<Message> mustTell() {
        return !unknown && record.state() == State.LEAVING
                ? Optional.of(new Message(Message.Kind.COMMIT, record.attempt()))
                : Optional.empty();
    }

    /** As the destination: will not wait for the decision any more. */
    public void giveUpWaiting() throws IOException {
        if (!unknown && record.state() == State.AWAITED) {
            write(new HandOverRecord(State.REFUSED, record.attempt()));
        }
    }

    /** Takes a message, and says what to answer. */
    public Optional<Message> receive(Message message) throws IOException {
        if (unknown) {
            return Optional.empty();
        }
        return switch (message.kind()) {
            case PREPARE -> prepare(message.attempt());
            case COMMIT -> commit(message.attempt());
            case READY -> {
                prepared |= message.attempt().equals(offered);
                yield Optional.empty();
            }
            case TAKEN -> {
                if (isLeaving(message.attempt())) {
                    write(new HandOverRecord(State.GONE, message.attempt()));
                    stopped = false;
                }
                yield Optional.empty();
            }
            case REFUSED -> {
                if (isLeaving(message.attempt())) {
                    // It is ours as it was, and the number is used.
                    Attempt mine = new Attempt(
                            message.attempt().epoch() - 1, message.attempt().number());
                    write(new HandOverRecord(State.OWNER, mine));
                    stopped = false;
                }
                yield Optional.empty();
            }
        };
    }

    private boolean isLeaving(Attempt attempt) {
        return record.state() == State.LEAVING && record.attempt().equals(attempt);
    }

    /** To what cannot be prepared nothing is said: it may have been prepared, and taken, before this message came. */
    private Optional<Message> prepare(Attempt attempt) throws IOException {
        boolean same = record.attempt().equals(attempt);
        boolean free = record.state() != State.OWNER && record.state() != State.LEAVING;
        if (free && attempt.isAfter(record.attempt())) {
            write(new HandOverRecord(State.AWAITED, attempt));
            return Optional.of(new Message(Message.Kind.READY, attempt));
        }
        if (same && record.state() == State.AWAITED) {
            return Optional.of(new Message(Message.Kind.READY, attempt));
        }
        return same && record.state() == State.REFUSED
                ? Optional.of(new Message(Message.Kind.REFUSED, attempt))
                : Optional.empty();
    }

    private Optional<Message> commit(Attempt attempt) throws IOException {
        Attempt known = record.attempt();
        if (attempt.equals(known) && record.state() == State.AWAITED) {
            write(new HandOverRecord(State.OWNER, attempt));
            return Optional.of(new Message(Message.Kind.TAKEN, attempt));
        }
        if (record.state() == State.REFUSED && attempt.equals(known)) {
            return Optional.of(new Message(Message.Kind.REFUSED, attempt));
        }
        if (attempt.isAfter(known)) {
            // What was prepared is not here any more, and must never be.
            if (record.state() == State.OWNER || record.state() == State.LEAVING) {
                return Optional.empty();
            }
            write(new HandOverRecord(State.REFUSED, attempt));
            return Optional.of(new Message(Message.Kind.REFUSED, attempt));
        }
        return tookEarlier(attempt);
    }

    /** It is asked about an attempt that is over. Had it been refused, its source would have heard that and not ask. */
    private Optional<Message> tookEarlier(Attempt attempt) {
        boolean taken = attempt.epoch() < record.attempt().epoch()
                || record.state() == State.OWNER
                        && attempt.epoch() == record.attempt().epoch();
        return taken ? Optional.of(new Message(Message.Kind.TAKEN, attempt)) : Optional.empty();
    }
}
