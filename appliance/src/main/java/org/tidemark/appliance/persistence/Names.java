package org.tidemark.appliance.persistence;

import java.sql.SQLException;
import java.util.List;
import java.util.regex.Pattern;
import org.jdbi.v3.core.statement.UnableToExecuteStatementException;
import org.tidemark.appliance.failure.ApplianceException;

/** The rule for names that users give: they also stand in addresses, keys and file names. */
public final class Names {
    /** What a name looks like. */
    public static final String PATTERN = "[A-Za-z0-9_][A-Za-z0-9._-]{0,127}";

    private static final Pattern NAME = Pattern.compile(PATTERN);
    /** SQL state of a unique key that is taken. */
    private static final String TAKEN = "23505";

    private Names() {}

    /** Returns {@code name} when it is one. */
    public static String check(String name) throws ApplianceException {
        if (!NAME.matcher(name).matches()) {
            throw ApplianceException.usage(
                    "'" + name + "' cannot be a name: take up to 128 letters, digits, dots, dashes and underscores");
        }
        return name;
    }

    static String unknown(String word, String name, List<String> known) {
        return "there is no " + word + " '" + name + "'"
                + (known.isEmpty() ? "; add one with 'tidemark " + word + " add'" : "; there are " + known);
    }

    static ApplianceException existsOr(UnableToExecuteStatementException e, String word, String name) {
        if (e.getCause() instanceof SQLException sql && TAKEN.equals(sql.getSQLState())) {
            return ApplianceException.conflict(
                    word + " '" + name + "' exists already; remove it first or take another name");
        }
        throw e;
    }
}
