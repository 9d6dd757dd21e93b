package org.tidemark.appliance.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The words after a verb, read as the ploop tool reads them: flags of one letter, joined or not, and their long names. */
final class PloopWords {
    private final Map<Character, String> flags = new LinkedHashMap<>();
    private final List<String> operands = new ArrayList<>();

    private PloopWords() {}

    /**
     * Reads words.
     *
     * @param letters in the manner of getopt: a letter for each flag that is known, a colon after those that take a value
     * @param longNames long names with the letters they stand for
     */
    static PloopWords parse(String letters, Map<String, Character> longNames, List<String> words)
            throws PloopException {
        PloopWords parsed = new PloopWords();
        for (int i = 0; i < words.size(); i++) {
            String word = words.get(i);
            if (word.equals("--")) {
                parsed.operands.addAll(words.subList(i + 1, words.size()));
                break;
            }
            if (word.startsWith("--")) {
                Character letter = longNames.get(word.substring(2));
                if (letter == null) {
                    throw new PloopException(PloopException.PARAMETER, "unrecognized option '" + word + "'");
                }
                i += parsed.flag(letters, letter, "", i + 1 < words.size() ? words.get(i + 1) : null);
            } else if (word.length() > 1 && word.startsWith("-")) {
                i += parsed.letters(letters, word, i + 1 < words.size() ? words.get(i + 1) : null);
            } else {
                parsed.operands.add(word);
            }
        }
        return parsed;
    }

    private int letters(String known, String word, @org.jspecify.annotations.Nullable String next)
            throws PloopException {
        for (int at = 1; at < word.length(); at++) {
            char letter = word.charAt(at);
            int index = known.indexOf(letter);
            if (index < 0 || letter == ':') {
                throw new PloopException(PloopException.PARAMETER, "invalid option -- '" + letter + "'");
            }
            boolean takesValue = index + 1 < known.length() && known.charAt(index + 1) == ':';
            if (takesValue) {
                return flag(known, letter, word.substring(at + 1), next);
            }
            flags.put(letter, "");
        }
        return 0;
    }

    /** How many words more it took. */
    private int flag(String known, char letter, String joined, @org.jspecify.annotations.Nullable String next)
            throws PloopException {
        int index = known.indexOf(letter);
        boolean takesValue = index + 1 < known.length() && known.charAt(index + 1) == ':';
        if (!takesValue || !joined.isEmpty()) {
            flags.put(letter, joined);
            return 0;
        }
        if (next == null) {
            throw new PloopException(PloopException.PARAMETER, "option requires an argument -- '" + letter + "'");
        }
        flags.put(letter, next);
        return 1;
    }

    boolean has(char letter) {
        return flags.containsKey(letter);
    }

    Optional<String> value(char letter) {
        return Optional.ofNullable(flags.get(letter));
    }

    List<String> operands() {
        return operands;
    }

    /** The one operand there must be. */
    String operand(String usage) throws PloopException {
        if (operands.size() != 1) {
            throw new PloopException(PloopException.PARAMETER, usage);
        }
        return operands.get(0);
    }

    /** Flags of the real tool that are understood and not supported are named; nothing is left out in silence. */
    void refuse(String verb, String letters) throws PloopException {
        for (char letter : letters.toCharArray()) {
            if (flags.containsKey(letter)) {
                throw new PloopException(
                        PloopException.PARAMETER, "'ploop " + verb + " -" + letter + "' is not supported by tidemark");
            }
        }
    }
}
