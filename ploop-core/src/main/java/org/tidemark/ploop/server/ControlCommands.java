package org.tidemark.ploop.server;

import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;

/** The commands that a device server knows, by name. Names of a family have a prefix: {@code view.open}. */
public final class ControlCommands {
    private final Map<String, ControlCommand> commands = new ConcurrentHashMap<>();

    public void add(String name, ControlCommand command) {
        if (commands.putIfAbsent(name, command) != null) {
            throw new IllegalStateException("command '" + name + "' is there already");
        }
    }

    ControlCommand find(String name) throws ControlException {
        ControlCommand command = commands.get(name);
        if (command == null) {
            throw new ControlException(
                    ControlException.Kind.UNKNOWN_COMMAND, "this device server has no command '" + name + "'");
        }
        return command;
    }

    SortedSet<String> names() {
        return new TreeSet<>(commands.keySet());
    }
}
