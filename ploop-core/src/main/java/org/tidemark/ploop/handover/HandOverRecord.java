package org.tidemark.ploop.handover;

import java.util.Locale;
import java.util.Optional;

/**
 * What one side knows for sure: a line of text, {@code tidemark-hand-over 1 <state> <epoch> <number>}.
 *
 * @param attempt the last one that this side took part in
 */
public record HandOverRecord(State state, Attempt attempt) {
    private static final String MAGIC = "tidemark-hand-over 1 ";

    /** Where a side is. */
    public enum State {
        /** It never had the image, or has none. */
        NOTHING,
        /** The image is here, and is used here. */
        OWNER,
        /** The source, which has decided; it may not write until it knows. */
        LEAVING,
        /** The source, which knows that the other side has it. */
        GONE,
        /** The destination, which waits for the decision. */
        AWAITED,
        /** The destination, which will not take this attempt any more. */
        REFUSED
    }

    static final HandOverRecord NONE = new HandOverRecord(State.NOTHING, Attempt.NONE);

    String toLine() {
        return MAGIC + state.name().toLowerCase(Locale.ROOT) + " " + attempt.epoch() + " " + attempt.number() + "\n";
    }

    /** Empty when the text is none. */
    static Optional<HandOverRecord> ofLine(String text) {
        String line = text.strip();
        String[] words = line.startsWith(MAGIC) ? line.substring(MAGIC.length()).split(" ") : new String[0];
        if (words.length != 3 || !words[1].matches("[0-9]{1,18}") || !words[2].matches("[0-9]{1,18}")) {
            return Optional.empty();
        }
        for (State state : State.values()) {
            if (state.name().toLowerCase(Locale.ROOT).equals(words[0])) {
                return Optional.of(
                        new HandOverRecord(state, new Attempt(Long.parseLong(words[1]), Long.parseLong(words[2]))));
            }
        }
        return Optional.empty();
    }
}
