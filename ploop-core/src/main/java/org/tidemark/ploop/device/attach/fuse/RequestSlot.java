package org.tidemark.ploop.device.attach.fuse;

import java.io.IOException;
import java.lang.invoke.VarHandle;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.os.Processes;

/**
 * The place of one request in flight, in memory that outlives the process. A serving thread owns one slot, a request that waits for space keeps its own.
 *
 * <pre>
 *   0        STATE (int)
 *   64       short reply: out header and its structure
 *   8112     in header (40 bytes)                    &lt;- the kernel puts a request here
 *   8152     the request's structure (40 bytes for READ and WRITE)
 *   8176     out header of a READ's reply (over fields of the request that nobody needs)
 *   8192     payload, on a page boundary: data of a WRITE, or of a READ's reply
 * </pre>
 *
 * The state is read off two words: the length in the in header, which the kernel itself writes, and STATE.
 *
 * <pre>
 *   length   STATE             what it means for a successor
 *   0        any               EMPTY      no request
 *   &gt; 0      0                 RECEIVED   not answered for certain: execute, then answer
 *   &gt; 0      SHORT or PAYLOAD  ANSWERING  executed, perhaps answered: answer again, never execute
 * </pre>
 *
 * Every step from one state to the next is one store that the successor sees or does not see. See the package's essay.
 */
final class RequestSlot {
    static final int PAYLOAD = 8192;
    static final int REQUEST = PAYLOAD - FuseWire.IN_HEADER_BYTES - FuseWire.IO_BYTES;
    static final int ARGUMENTS = REQUEST + FuseWire.IN_HEADER_BYTES;
    static final int PAYLOAD_REPLY = PAYLOAD - FuseWire.OUT_HEADER_BYTES;
    static final int SHORT_REPLY = 64;
    static final int SIZE_BYTES = PAYLOAD + FuseWire.MAX_PAYLOAD_BYTES;
    static final int RECEIVE_BYTES = SIZE_BYTES - REQUEST;

    private static final int STATE = 0;
    private static final int EXECUTING = 0;
    private static final int ANSWERING_SHORT = 1;
    private static final int ANSWERING_PAYLOAD = 2;
    private static final int PAGE_BYTES = 4096;

    /** What a successor finds. */
    enum Phase {
        EMPTY,
        RECEIVED,
        ANSWERING
    }

    private final int number;
    private final AlignedBuffer memory;
    private final AlignedBuffer payload;

    private RequestSlot(int number, AlignedBuffer memory) {
        this.number = number;
        this.memory = memory;
        this.payload = memory.slice(PAYLOAD, FuseWire.MAX_PAYLOAD_BYTES);
    }

    /** What the memory of a slot is called in the state area. */
    static String region(int number) {
        return "fuse-slot-" + number;
    }

    /** A slot of the device that {@code area} belongs to, with whatever a predecessor left in it. */
    static RequestSlot in(StateArea area, int number) throws IOException {
        RequestSlot slot = new RequestSlot(number, area.region(region(number), SIZE_BYTES));
        slot.populate();
        return slot;
    }

    /**
     * Every page is there, may be written to, and stays (where this process may lock memory): a kernel that had to fetch one while it copies a request to a process being killed
     * would fail that request.
     */
    private void populate() {
        Processes.lockMemory(memory.address(0), SIZE_BYTES);
        for (int at = 0; at < SIZE_BYTES; at += PAGE_BYTES) {
            memory.bytes().put(at, memory.bytes().get(at));
        }
    }

    int number() {
        return number;
    }

    Phase phase() {
        VarHandle.acquireFence();
        if (requestLength() == 0) {
            return Phase.EMPTY;
        }
        return memory.getInt(STATE) == EXECUTING ? Phase.RECEIVED : Phase.ANSWERING;
    }

    /**
     * Empties the slot for the next request. The length goes first: from then on the slot is EMPTY, whatever STATE says. The
     * rest of the header is zeroed so that a request which came only in part cannot be taken for a whole one.
     */
    void clear() {
        memory.putInt(REQUEST + FuseWire.IN_LENGTH, 0);
        VarHandle.releaseFence();
        memory.putInt(STATE, EXECUTING);
        memory.zero(REQUEST, PAYLOAD - REQUEST);
        VarHandle.fullFence();
    }

    long receiveAddress() {
        return memory.address(REQUEST);
    }

    int requestLength() {
        return memory.getInt(REQUEST + FuseWire.IN_LENGTH);
    }

    int opcode() {
        return memory.getInt(REQUEST + FuseWire.IN_OPCODE);
    }

    long unique() {
        return memory.getLong(REQUEST + FuseWire.IN_UNIQUE);
    }

    long node() {
        return memory.getLong(REQUEST + FuseWire.IN_NODE);
    }

    int argumentInt(int offset) {
        return memory.getInt(ARGUMENTS + offset);
    }

    long argumentLong(int offset) {
        return memory.getLong(ARGUMENTS + offset);
    }

    /** Data of the request, or room for data of the reply; byte 0 lies on a page boundary. */
    AlignedBuffer payload() {
        return payload;
    }

    /** Zeroes the body of the short reply and returns where it begins in {@link #memory}. */
    int beginShortReply(int bodyBytes) {
        int body = SHORT_REPLY + FuseWire.OUT_HEADER_BYTES;
        memory.zero(body, bodyBytes);
        return body;
    }

    AlignedBuffer memory() {
        return memory;
    }

    /** The request is executed: from here on it is only answered. */
    void answerShort(int error, int bodyBytes) {
        answer(SHORT_REPLY, error, bodyBytes, ANSWERING_SHORT);
    }

    /** As {@link #answerShort}, with {@code lengthBytes} of the payload as the reply. */
    void answerPayload(int lengthBytes) {
        answer(PAYLOAD_REPLY, 0, lengthBytes, ANSWERING_PAYLOAD);
    }

    private void answer(int at, int error, int bodyBytes, int state) {
        memory.putInt(at + FuseWire.OUT_LENGTH, FuseWire.OUT_HEADER_BYTES + bodyBytes);
        memory.putInt(at + FuseWire.OUT_ERROR, -error);
        memory.putLong(at + FuseWire.OUT_UNIQUE, unique());
        VarHandle.releaseFence();
        memory.putInt(STATE, state);
        VarHandle.fullFence();
    }

    /** Hands the prepared reply to the kernel; returns what the kernel said. */
    int send(FuseKernel kernel) {
        int at = memory.getInt(STATE) == ANSWERING_PAYLOAD ? PAYLOAD_REPLY : SHORT_REPLY;
        return kernel.answer(memory.address(at), memory.getInt(at + FuseWire.OUT_LENGTH));
    }
}
