package org.tidemark.ploop.server;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import org.tidemark.ploop.os.NativeFile;
import org.tidemark.ploop.os.UnixSocket;

/** The words of the holder's socket: one JSON object a message, with descriptors beside it. */
final class HolderMessages {
    static final String VERB = "verb";
    static final String DEVICE = "device";
    static final String NAME = "name";
    static final String NAMES = "names";
    static final String ERROR = "error";

    static final String HELLO = "hello";
    static final String KEEP = "keep";
    static final String DROP = "drop";
    static final String TAKE = "take";
    static final String LEAVING = "leaving";
    static final String FREEZE_ARM = "freeze-arm";
    static final String FREEZE_CALL_OFF = "freeze-call-off";

    static final Duration LIMIT = Duration.ofSeconds(10);

    private HolderMessages() {}

    static void send(UnixSocket socket, Fields fields, List<NativeFile> descriptors) throws IOException {
        socket.send(fields.toJson().getBytes(StandardCharsets.UTF_8), descriptors, LIMIT);
    }

    /** An answer with the descriptors that came with it, which the caller owns. */
    record Answer(Fields fields, List<NativeFile> descriptors) {}

    /** Asks and waits for the answer; an error in it is thrown. */
    static Answer ask(UnixSocket socket, Fields question, List<NativeFile> descriptors) throws IOException {
        send(socket, question, descriptors);
        UnixSocket.Message message = socket.receive(LIMIT);
        if (message == null) {
            throw new ControlException(ControlException.Kind.DISCONNECTED, "the holder went away");
        }
        Fields fields = Fields.parse(message.text());
        String error = fields.text(ERROR, "");
        if (!error.isEmpty()) {
            throw new IOException("the holder refused: " + error);
        }
        return new Answer(fields, message.descriptors());
    }
}
