package org.tidemark.appliance.demo;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;

/**
 * The database of the load: SQLite, every commit synced. Transfers between accounts, so that at every instant the balances
 * sum up to zero and agree with the entries.
 */
final class Ledger implements AutoCloseable {
    private static final int ACCOUNTS = 100;

    private final Connection connection;

    private Ledger(Connection connection) {
        this.connection = connection;
    }

    static Ledger create(Path file) throws SQLException {
        Ledger ledger = open(file);
        try (Statement statement = ledger.connection.createStatement()) {
            statement.execute("PRAGMA journal_mode=WAL");
            statement.execute("PRAGMA wal_autocheckpoint=40");
            statement.execute("CREATE TABLE IF NOT EXISTS account(id INTEGER PRIMARY KEY, balance INTEGER NOT NULL)");
            statement.execute("CREATE TABLE IF NOT EXISTS entry(id INTEGER PRIMARY KEY, debit INTEGER NOT NULL,"
                    + " credit INTEGER NOT NULL, amount INTEGER NOT NULL, note TEXT NOT NULL)");
            for (int id = 0; id < ACCOUNTS; id++) {
                statement.execute("INSERT OR IGNORE INTO account VALUES(" + id + ", 0)");
            }
        }
        ledger.connection.setAutoCommit(false);
        return ledger;
    }

    static Ledger open(Path file) throws SQLException {
        Properties options = new Properties();
        options.setProperty("synchronous", "FULL");
        return new Ledger(DriverManager.getConnection("jdbc:sqlite:" + file, options));
    }

    /** One transfer; durable on return. */
    void transfer(long id) throws SQLException {
        long debit = id * 31 % ACCOUNTS;
        long credit = (id * 17 + 1) % ACCOUNTS;
        long amount = 1 + id % 97;
        move(debit, -amount);
        move(credit, amount);
        try (PreparedStatement insert = connection.prepareStatement("INSERT INTO entry VALUES(?,?,?,?,?)")) {
            insert.setLong(1, id);
            insert.setLong(2, debit);
            insert.setLong(3, credit);
            insert.setLong(4, amount);
            insert.setString(5, "transfer number " + id + " ".repeat((int) (id % 200)));
            insert.executeUpdate();
        }
        connection.commit();
    }

    private void move(long account, long amount) throws SQLException {
        try (PreparedStatement update =
                connection.prepareStatement("UPDATE account SET balance = balance + ? WHERE id = ?")) {
            update.setLong(1, amount);
            update.setLong(2, account);
            update.executeUpdate();
        }
    }

    /** What the database says of itself: "ok" when it is whole. */
    String integrity() throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("PRAGMA integrity_check")) {
            return rows.next() ? rows.getString(1) : "no answer";
        }
    }

    /** The greatest entry; 0 when there is none. */
    long last() throws SQLException {
        return number("SELECT coalesce(max(id), 0) FROM entry");
    }

    long count() throws SQLException {
        return number("SELECT count(*) FROM entry");
    }

    /** Accounts whose balance is not what their entries make it, plus the sum of all balances if that is not zero. */
    long wrongSums() throws SQLException {
        return number("SELECT abs((SELECT sum(balance) FROM account)) + (SELECT count(*) FROM account a WHERE a.balance"
                + " <> coalesce((SELECT sum(amount) FROM entry WHERE credit = a.id), 0)"
                + " - coalesce((SELECT sum(amount) FROM entry WHERE debit = a.id), 0))");
    }

    private long number(String query) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(query)) {
            return rows.next() ? rows.getLong(1) : -1;
        }
    }

    @Override
    public void close() throws SQLException {
        connection.close();
    }
}
