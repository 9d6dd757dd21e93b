package org.tidemark.ploop.device.attach.nbd;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/** The server's side of fixed newstyle negotiation. */
final class ServerHandshake {
    private final Wire wire;
    private final Function<String, @Nullable NbdExport> find;
    private final Supplier<List<NbdExport>> all;
    private final @Nullable SSLContext tls;
    private boolean structured;
    private @Nullable String contextExport;
    private final List<String> contexts = new ArrayList<>();

    /**
     * @param all what a client that asks for a list is told
     * @param tls when there is one, nothing else is answered before the client has asked for it
     */
    ServerHandshake(
            Wire wire,
            Function<String, @Nullable NbdExport> find,
            Supplier<List<NbdExport>> all,
            @Nullable SSLContext tls) {
        this.wire = wire;
        this.find = find;
        this.all = all;
        this.tls = tls;
    }

    /**
     * What was agreed.
     *
     * @param contexts names of the selected meta contexts; the index is the context's id
     */
    record Agreed(NbdExport export, boolean structured, List<String> contexts) {}

    /** Negotiates; null when the client went away or asked for nothing. */
    @Nullable
    Agreed run() throws IOException {
        wire.write(ByteBuffer.allocate(18)
                .putLong(Nbd.INIT_MAGIC)
                .putLong(Nbd.OPTION_MAGIC)
                .putShort((short) (Nbd.FLAG_FIXED_NEWSTYLE | Nbd.FLAG_NO_ZEROES))
                .flip());
        int clientFlags = wire.read(4).getInt();
        boolean noZeroes = (clientFlags & Nbd.FLAG_NO_ZEROES) != 0;
        while (true) {
            ByteBuffer header = wire.read(16);
            if (header.getLong() != Nbd.OPTION_MAGIC) {
                throw new IOException("the NBD client sent something that is not an option");
            }
            int option = header.getInt();
            int length = header.getInt();
            if (length < 0 || length > Nbd.MAX_OPTION_BYTES) {
                throw new IOException(
                        "the NBD client sent an option of " + Integer.toUnsignedString(length) + " bytes");
            }
            ByteBuffer data = wire.read(length);
            if (option == Nbd.OPT_ABORT) {
                reply(option, Nbd.REP_ACK);
                return null;
            }
            if (option == Nbd.OPT_STARTTLS && tls != null && !wire.encrypted()) {
                reply(option, Nbd.REP_ACK);
                wire.startTls(tls);
                continue;
            }
            if (tls != null && !wire.encrypted()) {
                if (option == Nbd.OPT_EXPORT_NAME) {
                    // That option has no answer that says why.
                    return null;
                }
                reply(option, Nbd.REP_ERR_TLS_REQUIRED, Wire.utf8("this server speaks TLS only"));
                continue;
            }
            if (option == Nbd.OPT_EXPORT_NAME) {
                return exportName(data, length, noZeroes);
            }
            NbdExport chosen = answer(option, data);
            if (chosen != null) {
                boolean mine = chosen.name().equals(contextExport);
                return new Agreed(chosen, structured, mine ? List.copyOf(contexts) : List.of());
            }
        }
    }

    private @Nullable Agreed exportName(ByteBuffer data, int length, boolean noZeroes) throws IOException {
        NbdExport export = find.apply(Wire.utf8(data, length));
        if (export == null) {
            return null;
        }
        ByteBuffer reply = ByteBuffer.allocate(noZeroes ? 10 : 134)
                .putLong(export.device().currentSizeBytes())
                .putShort((short) transmissionFlags(export));
        wire.write(reply.clear());
        return new Agreed(export, structured, List.of());
    }

    /** Answers one option; the export when the negotiation is over. */
    private @Nullable NbdExport answer(int option, ByteBuffer data) throws IOException {
        try {
            switch (option) {
                case Nbd.OPT_LIST -> list(data);
                case Nbd.OPT_STRUCTURED_REPLY -> {
                    structured = true;
                    reply(option, Nbd.REP_ACK);
                }
                case Nbd.OPT_INFO, Nbd.OPT_GO -> {
                    NbdExport export = info(option, data);
                    return option == Nbd.OPT_GO ? export : null;
                }
                case Nbd.OPT_LIST_META_CONTEXT, Nbd.OPT_SET_META_CONTEXT -> metaContext(option, data);
                default -> reply(option, Nbd.REP_ERR_UNSUPPORTED, Wire.utf8("option " + option + " is not supported"));
            }
        } catch (java.nio.BufferUnderflowException | IllegalArgumentException e) {
            reply(option, Nbd.REP_ERR_INVALID, Wire.utf8("option " + option + " is malformed"));
        }
        return null;
    }

    private void list(ByteBuffer data) throws IOException {
        if (data.hasRemaining()) {
            reply(Nbd.OPT_LIST, Nbd.REP_ERR_INVALID);
            return;
        }
        for (NbdExport export : all.get()) {
            byte[] name = Wire.utf8(export.name());
            reply(
                    Nbd.OPT_LIST,
                    Nbd.REP_SERVER,
                    ByteBuffer.allocate(4 + name.length)
                            .putInt(name.length)
                            .put(name)
                            .array());
        }
        reply(Nbd.OPT_LIST, Nbd.REP_ACK);
    }

    private @Nullable NbdExport info(int option, ByteBuffer data) throws IOException {
        String name = Wire.utf8(data, checked(data.getInt(), data.remaining()));
        NbdExport export = find.apply(name);
        if (export == null) {
            reply(option, Nbd.REP_ERR_UNKNOWN, Wire.utf8("there is no export named '" + name + "'"));
            return null;
        }
        ByteBuffer size = ByteBuffer.allocate(12)
                .putShort((short) Nbd.INFO_EXPORT)
                .putLong(export.device().currentSizeBytes())
                .putShort((short) transmissionFlags(export));
        reply(option, Nbd.REP_INFO, size.array());
        byte[] words = Wire.utf8(export.description());
        ByteBuffer description = ByteBuffer.allocate(2 + words.length)
                .putShort((short) Nbd.INFO_DESCRIPTION)
                .put(words);
        reply(option, Nbd.REP_INFO, description.array());
        ByteBuffer blocks = ByteBuffer.allocate(14)
                .putShort((short) Nbd.INFO_BLOCK_SIZE)
                .putInt(export.device().blockSizeBytes())
                .putInt(64 * 1024)
                .putInt(Nbd.MAX_REQUEST_BYTES);
        reply(option, Nbd.REP_INFO, blocks.array());
        reply(option, Nbd.REP_ACK);
        return export;
    }

    private void metaContext(int option, ByteBuffer data) throws IOException {
        String name = Wire.utf8(data, checked(data.getInt(), data.remaining()));
        int queries = data.getInt();
        List<String> wanted = new ArrayList<>();
        for (int i = 0; i < queries; i++) {
            wanted.add(Wire.utf8(data, checked(data.getInt(), data.remaining())));
        }
        NbdExport export = find.apply(name);
        if (export == null) {
            reply(option, Nbd.REP_ERR_UNKNOWN, Wire.utf8("there is no export named '" + name + "'"));
            return;
        }
        if (option == Nbd.OPT_SET_META_CONTEXT && !structured) {
            reply(option, Nbd.REP_ERR_INVALID, Wire.utf8("ask for structured replies first"));
            return;
        }
        List<String> found = matching(export, option, wanted);
        if (option == Nbd.OPT_SET_META_CONTEXT) {
            contextExport = name;
            contexts.clear();
            contexts.addAll(found);
        }
        for (int id = 0; id < found.size(); id++) {
            byte[] context = Wire.utf8(found.get(id));
            reply(
                    option,
                    Nbd.REP_META_CONTEXT,
                    ByteBuffer.allocate(4 + context.length)
                            .putInt(id)
                            .put(context)
                            .array());
        }
        reply(option, Nbd.REP_ACK);
    }

    private static List<String> matching(NbdExport export, int option, List<String> wanted) {
        List<String> offered = new ArrayList<>();
        offered.add(Nbd.BASE_ALLOCATION);
        export.contexts().keySet().forEach(bitmap -> offered.add(Nbd.DIRTY_PREFIX + bitmap));
        if (option == Nbd.OPT_LIST_META_CONTEXT) {
            return wanted.isEmpty()
                    ? offered
                    : offered.stream()
                            .filter(name -> wanted.stream().anyMatch(query -> listed(name, query)))
                            .toList();
        }
        return offered.stream().filter(wanted::contains).toList();
    }

    /** A query that ends in a colon lists everything below it. */
    private static boolean listed(String name, String query) {
        return name.equals(query) || (query.endsWith(":") && name.startsWith(query));
    }

    private static int checked(int length, int remaining) {
        if (length < 0 || length > remaining) {
            throw new IllegalArgumentException("length");
        }
        return length;
    }

    static int transmissionFlags(NbdExport export) {
        int flags = Nbd.TRANSMIT_HAS_FLAGS | Nbd.TRANSMIT_DF | Nbd.TRANSMIT_MULTI_CONN | Nbd.TRANSMIT_FLUSH;
        if (export.device().writable()) {
            return flags | Nbd.TRANSMIT_FUA | Nbd.TRANSMIT_TRIM | Nbd.TRANSMIT_WRITE_ZEROES;
        }
        flags |= Nbd.TRANSMIT_READ_ONLY;
        return export.takesTrim() ? flags | Nbd.TRANSMIT_TRIM : flags;
    }

    private void reply(int option, int type, byte... payload) throws IOException {
        wire.write(ByteBuffer.allocate(20 + payload.length)
                .putLong(Nbd.OPTION_REPLY_MAGIC)
                .putInt(option)
                .putInt(type)
                .putInt(payload.length)
                .put(payload)
                .flip());
    }
}
