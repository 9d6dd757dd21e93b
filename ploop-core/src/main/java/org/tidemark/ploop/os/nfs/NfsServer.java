package org.tidemark.ploop.os.nfs;

import java.util.OptionalInt;

/**
 * A server, and as whom to speak to it.
 *
 * @param host name or address
 * @param nfsPort its NFS port; empty: the one that its port mapper tells
 * @param mountPort the port of its mount service; empty: the one that its port mapper tells
 * @param uid the user that requests are made as (AUTH_SYS); empty: the one of this process
 * @param gid the same of the group
 */
public record NfsServer(String host, OptionalInt nfsPort, OptionalInt mountPort, OptionalInt uid, OptionalInt gid) {
    /** With everything as the server's port mapper and this process have it. */
    public static NfsServer of(String host) {
        return new NfsServer(host, OptionalInt.empty(), OptionalInt.empty(), OptionalInt.empty(), OptionalInt.empty());
    }
}
