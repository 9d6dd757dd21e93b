package org.tidemark.appliance.persistence;

import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.jdbi.v3.core.Jdbi;
import org.jdbi.v3.core.statement.UnableToExecuteStatementException;
import org.tidemark.appliance.failure.ApplianceException;

/** The appliances that this one was paired with, and the invitations that are open. */
@Singleton
public final class Peers {
    private final Jdbi jdbi;

    @Inject
    public Peers(Jdbi jdbi) {
        this.jdbi = jdbi;
    }

    /** Sorted by name. */
    public List<PeerEntry> all() {
        return jdbi.withHandle(handle -> handle.createQuery("select * from peer order by name")
                .map((row, context) -> new PeerEntry(
                        row.getString("name"),
                        row.getString("fingerprint"),
                        row.getString("address"),
                        Columns.time(row, "paired_at")))
                .list());
    }

    public PeerEntry get(String name) throws ApplianceException {
        return all().stream()
                .filter(entry -> entry.name().equals(name))
                .findFirst()
                .orElseThrow(() -> ApplianceException.notFound(Names.unknown(
                        "peer", name, all().stream().map(PeerEntry::name).toList())));
    }

    public Optional<PeerEntry> byFingerprint(String fingerprint) {
        return all().stream()
                .filter(entry -> entry.fingerprint().equals(fingerprint))
                .findFirst();
    }

    public void add(PeerEntry entry) throws ApplianceException {
        Names.check(entry.name());
        try {
            jdbi.useHandle(handle -> handle.createUpdate(
                            "insert into peer (name, fingerprint, address, paired_at) values (:name, :print, :address, :at)")
                    .bind("name", entry.name())
                    .bind("print", entry.fingerprint())
                    .bind("address", entry.address())
                    .bind("at", entry.pairedAt().toEpochMilli())
                    .execute());
        } catch (UnableToExecuteStatementException e) {
            throw Names.existsOr(e, "peer", entry.name());
        }
    }

    /** The same appliance, which may be reached elsewhere now. */
    public void moved(String name, String address) {
        jdbi.useHandle(handle -> handle.createUpdate("update peer set address = :address where name = :name")
                .bind("name", name)
                .bind("address", address)
                .execute());
    }

    public void remove(String name) throws ApplianceException {
        get(name);
        jdbi.useHandle(handle -> handle.createUpdate("delete from peer where name = :name")
                .bind("name", name)
                .execute());
    }

    /** An invitation is open until then. */
    public void invite(String hash, Instant expiresAt, Instant now) {
        jdbi.useTransaction(handle -> {
            handle.createUpdate("delete from invitation where expires_at < :now")
                    .bind("now", now.toEpochMilli())
                    .execute();
            handle.createUpdate("insert into invitation (hash, expires_at) values (:hash, :end)")
                    .bind("hash", hash)
                    .bind("end", expiresAt.toEpochMilli())
                    .execute();
        });
    }

    /** Uses an invitation up; false when there is none of that hash, or it is over. */
    public boolean useInvitation(String hash, Instant now) {
        return jdbi.withHandle(handle -> handle.createUpdate(
                                "delete from invitation where hash = :hash and expires_at >= :now")
                        .bind("hash", hash)
                        .bind("now", now.toEpochMilli())
                        .execute())
                == 1;
    }
}
