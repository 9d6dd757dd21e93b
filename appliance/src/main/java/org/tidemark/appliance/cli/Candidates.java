package org.tidemark.appliance.cli;

import java.util.Iterator;
import java.util.List;

/**
 * Which names of the appliance an argument takes. In a completion script such a marker becomes a call of {@code tidemark
 * complete-names}.
 */
abstract class Candidates implements Iterable<String> {
    static final String MARK = "@";

    private final String kind;

    private Candidates(String kind) {
        this.kind = kind;
    }

    @Override
    public Iterator<String> iterator() {
        return List.of(MARK + kind).iterator();
    }

    /** Names of containers. */
    static final class Containers extends Candidates {
        Containers() {
            super("container");
        }
    }

    /** Names of targets. */
    static final class Targets extends Candidates {
        Targets() {
            super("target");
        }
    }

    /** Names of replicas. */
    static final class Replicas extends Candidates {
        Replicas() {
            super("replica");
        }
    }

    /** Names of policies. */
    static final class Policies extends Candidates {
        Policies() {
            super("policy");
        }
    }

    /** Ids of the newest jobs. */
    static final class Jobs extends Candidates {
        Jobs() {
            super("job");
        }
    }

    /** Ids of tokens. */
    static final class Tokens extends Candidates {
        Tokens() {
            super("token");
        }
    }

    /** Names of other appliances. */
    static final class Peers extends Candidates {
        Peers() {
            super("peer");
        }
    }

    /** Names of users. */
    static final class Users extends Candidates {
        Users() {
            super("user");
        }
    }
}
