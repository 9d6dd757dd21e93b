package org.tidemark.appliance.service.migration;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.tidemark.ploop.handover.Attempt;
import org.tidemark.ploop.handover.Message;

/** Messages of a hand-over as they go between appliances. */
final class HandOverWords {
    private HandOverWords() {}

    static Map<String, Object> of(Message message) {
        Map<String, Object> words = new LinkedHashMap<>();
        words.put("kind", message.kind().name());
        words.put("epoch", message.attempt().epoch());
        words.put("number", message.attempt().number());
        return words;
    }

    /** Empty when the other side had nothing to say. */
    static Optional<Message> message(Map<String, Object> words) throws IOException {
        if (!(words.get("kind") instanceof String kind)) {
            return Optional.empty();
        }
        try {
            return Optional.of(new Message(
                    Message.Kind.valueOf(kind), new Attempt(number(words, "epoch"), number(words, "number"))));
        } catch (IllegalArgumentException e) {
            throw new IOException("a message of a hand-over makes no sense: " + words, e);
        }
    }

    private static long number(Map<String, Object> words, String name) {
        if (words.get(name) instanceof Number number) {
            return number.longValue();
        }
        throw new IllegalArgumentException(name);
    }
}
