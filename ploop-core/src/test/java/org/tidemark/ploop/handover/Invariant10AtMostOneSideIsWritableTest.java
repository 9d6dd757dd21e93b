package org.tidemark.ploop.handover;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.tidemark.ploop.handover.HandOverRecord.State;
import org.tidemark.ploop.testing.Seeds;

/**
 * Two hosts hand an image to and fro while messages are lost, doubled and late, records fail to be written, and both crash and start
 * again at any point.
 */
class Invariant10AtMostOneSideIsWritableTest {
    private static final int STEPS = 120;
    private static final int HEALING_ROUNDS = 50;

    /** What a wrong program would do. */
    private enum Fault {
        NONE,
        /** COMMIT goes out before the decision is durable. */
        DECISION_NOT_DURABLE,
        /** The destination uses the image before its record is durable. */
        TAKEN_NOT_DURABLE,
        /** It says that it refuses before that is durable. */
        REFUSAL_NOT_DURABLE,
        /** Numbers of attempts are used twice. */
        NUMBER_NOT_DURABLE,
        /** The source loses patience after the decision. */
        SOURCE_RESUMES_BY_ITSELF,
        /** The destination starts when it is ready. */
        DESTINATION_DOES_NOT_WAIT,
        /** A destination that is asked to prepare what it cannot says that it refuses. */
        LATE_PREPARE_IS_REFUSED;

        boolean forgets(State state, boolean ofSource) {
            return switch (this) {
                case DECISION_NOT_DURABLE -> state == State.LEAVING;
                case TAKEN_NOT_DURABLE -> state == State.OWNER && !ofSource;
                case NUMBER_NOT_DURABLE -> state == State.OWNER && ofSource;
                case REFUSAL_NOT_DURABLE -> state == State.REFUSED;
                default -> false;
            };
        }
    }

    private static final class Crash extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    /** A host with its disk, and the process on it while it is up. */
    private static final class Host implements HandOverStore {
        private final Random random;
        private final Fault fault;
        private HandOverRecord durable = HandOverRecord.NONE;
        private HandOverRecord seen = HandOverRecord.NONE;
        private HandOver side;
        private boolean healthy;
        private boolean impatient;

        Host(Random random, Fault fault) throws IOException {
            this.random = random;
            this.fault = fault;
            this.side = new HandOver(this);
        }

        @Override
        public HandOverRecord read() {
            return seen;
        }

        @Override
        public void write(HandOverRecord next) throws IOException {
            int luck = healthy ? 0 : random.nextInt(20);
            if (luck == 1) {
                throw new Crash();
            }
            if (luck == 2) {
                throw new IOException("not written");
            }
            boolean wasSource = seen.state() == State.OWNER;
            seen = next;
            if (!fault.forgets(next.state(), wasSource)) {
                durable = next;
            }
            if (luck == 3) {
                throw new Crash();
            }
            if (luck == 4) {
                throw new IOException("perhaps written");
            }
        }

        void crash() {
            side = null;
            seen = durable;
            impatient = false;
        }

        void start() throws IOException {
            if (side == null) {
                side = new HandOver(this);
            }
        }

        boolean mayWrite() {
            if (side == null) {
                return false;
            }
            boolean early =
                    fault == Fault.DESTINATION_DOES_NOT_WAIT && side.record().state() == State.AWAITED;
            return side.mayWrite() || early || fault == Fault.SOURCE_RESUMES_BY_ITSELF && impatient;
        }
    }

    private static final class World {
        private final Random random;
        private final Fault fault;
        private final Host[] hosts = new Host[2];
        private final List<Envelope> onTheWay = new ArrayList<>();
        private int moves;

        private record Envelope(int to, Message message) {}

        World(Random random, Fault fault) throws IOException {
            this.random = random;
            this.fault = fault;
            for (int i = 0; i < 2; i++) {
                hosts[i] = new Host(random, fault);
            }
            hosts[0].healthy = true;
            hosts[0].side.found();
            hosts[0].durable = hosts[0].seen;
            hosts[0].healthy = false;
        }

        private interface Act {
            void run() throws IOException;
        }

        private void guarded(Host host, Act act) {
            try {
                act.run();
            } catch (Crash e) {
                host.crash();
            } catch (IOException e) {
                // It does not know what is durable, and finds out later.
            }
        }

        private void send(int from, Message message) {
            onTheWay.add(new Envelope(1 - from, message));
        }

        private void deliver(Envelope envelope) {
            Host host = hosts[envelope.to()];
            if (host.side == null) {
                return;
            }
            guarded(host, () -> {
                State before = host.side.record().state();
                Optional<Message> answer = host.side.receive(envelope.message());
                answer.ifPresent(message -> send(envelope.to(), message));
                if (answer.isEmpty()
                        && fault == Fault.LATE_PREPARE_IS_REFUSED
                        && envelope.message().kind() == Message.Kind.PREPARE) {
                    send(
                            envelope.to(),
                            new Message(Message.Kind.REFUSED, envelope.message().attempt()));
                }
                moves += before == State.LEAVING && host.side.record().state() == State.GONE ? 1 : 0;
            });
        }

        void step() throws IOException {
            int which = random.nextInt(2);
            Host host = hosts[which];
            switch (random.nextInt(16)) {
                case 0, 1, 2, 3, 4 -> {
                    if (!onTheWay.isEmpty()) {
                        int at = random.nextInt(onTheWay.size());
                        Envelope one = random.nextInt(5) == 0 ? onTheWay.get(at) : onTheWay.remove(at);
                        if (random.nextInt(6) != 0) {
                            deliver(one);
                        }
                    }
                }
                case 5 -> {
                    if (random.nextInt(4) == 0) {
                        host.crash();
                    }
                }
                case 6 -> guarded(host, host::start);
                default -> {
                    if (host.side == null) {
                        guarded(host, host::start);
                    } else {
                        guarded(host, () -> act(which, host.side));
                    }
                }
            }
            check();
        }

        private void act(int which, HandOver side) throws IOException {
            Optional<Message> told = side.mustTell();
            if (told.isPresent()) {
                send(which, told.get());
                hosts[which].impatient |= fault == Fault.SOURCE_RESUMES_BY_ITSELF && random.nextInt(5) == 0;
            } else if (side.isPrepared() && side.mayWrite()) {
                side.stop();
            } else if (side.isPrepared() && side.record().state() == State.OWNER && random.nextInt(4) != 0) {
                send(which, side.decide());
            } else if (side.mayWrite()) {
                send(which, side.offer());
            } else if (random.nextInt(6) == 0) {
                side.giveUpWaiting();
            } else if (random.nextInt(3) == 0) {
                side.withdraw();
            } else {
                side.recover();
            }
        }

        private void check() {
            if (hosts[0].mayWrite() && hosts[1].mayWrite()) {
                throw new AssertionError("both may write: " + hosts[0].seen + ", " + hosts[1].seen);
            }
        }

        /** Everything works again and both can talk: exactly one side has it in the end. */
        void heal() throws IOException {
            for (Host host : hosts) {
                host.healthy = true;
                host.start();
                host.side.recover();
                check();
            }
            for (int round = 0; round < HEALING_ROUNDS; round++) {
                for (int i = 0; i < 2; i++) {
                    Optional<Message> told = hosts[i].side.mustTell();
                    if (told.isPresent()) {
                        send(i, told.get());
                    }
                }
                while (!onTheWay.isEmpty()) {
                    deliver(onTheWay.remove(0));
                    check();
                }
            }
            if (hosts[0].mayWrite() == hosts[1].mayWrite()) {
                throw new AssertionError("nobody may write: " + hosts[0].seen + ", " + hosts[1].seen);
            }
        }
    }

    private static int run(Random random, Fault fault) throws IOException {
        World world = new World(random, fault);
        for (int step = 0; step < STEPS; step++) {
            world.step();
        }
        world.heal();
        return world.moves;
    }

    @Test
    void whateverIsLostDoubledLateOrCrashes() throws Exception {
        int[] moves = {0};
        long[] seeds = Seeds.of(20_000).toArray();
        for (long seed : seeds) {
            Seeds.replayable(
                    Invariant10AtMostOneSideIsWritableTest.class, seed, random -> moves[0] += run(random, Fault.NONE));
        }
        System.out.println(seeds.length + " seeds, the image changed hands " + moves[0] + " times");
        assertThat(moves[0]).isGreaterThan(seeds.length / 4);
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NONE")
    void aWrongProgramIsCaught(Fault fault) throws Exception {
        int seed = 1;
        String found = "";
        while (found.isEmpty() && seed < 20_000) {
            try {
                run(new Random(seed++), fault);
            } catch (AssertionError e) {
                found = String.valueOf(e.getMessage());
            }
        }
        System.out.println(fault + ": caught by seed " + (seed - 1) + ": " + found);
        assertThat(found).as("what was found with %s", fault).isNotEmpty();
    }
}
