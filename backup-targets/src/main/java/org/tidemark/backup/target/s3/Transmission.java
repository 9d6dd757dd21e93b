package org.tidemark.backup.target.s3;

import java.io.InterruptedIOException;
import org.tidemark.backup.target.LinkPace;
import software.amazon.awssdk.awscore.AwsRequestOverrideConfiguration;
import software.amazon.awssdk.core.interceptor.Context;
import software.amazon.awssdk.core.interceptor.ExecutionAttribute;
import software.amazon.awssdk.core.interceptor.ExecutionAttributes;
import software.amazon.awssdk.core.interceptor.ExecutionInterceptor;

/**
 * One request with a body that keeps a pace. The SDK reads a body to hash and to sign it before it reads it to send it;
 * only the last time counts.
 */
final class Transmission {
    private static final ExecutionAttribute<Transmission> ATTRIBUTE = new ExecutionAttribute<>("tidemark.transmission");

    /** Tells each request that it begins to be sent. */
    static final ExecutionInterceptor BEGIN = new ExecutionInterceptor() {
        @Override
        public void beforeTransmission(Context.BeforeTransmission context, ExecutionAttributes attributes) {
            Transmission transmission = attributes.getAttribute(ATTRIBUTE);
            if (transmission != null) {
                transmission.begun = true;
            }
        }
    };

    private final LinkPace pace;
    private volatile boolean begun;
    /** Bytes of the present turn that were not read yet. Of the thread that sends. */
    private int granted;

    Transmission(LinkPace pace) {
        this.pace = pace;
    }

    /** Marks a request as this one. */
    void mark(AwsRequestOverrideConfiguration.Builder request) {
        request.putExecutionAttribute(ATTRIBUTE, this);
    }

    /**
     * How many of {@code wanted} bytes may be read now.
     *
     * @param left how many there are, {@code wanted} or more
     */
    int turn(int wanted, int left) throws InterruptedIOException {
        if (!begun) {
            return wanted;
        }
        if (granted == 0) {
            int turn = Math.min(left, LinkPace.TURN_BYTES);
            pace.await(turn);
            granted = turn;
        }
        int bytes = Math.min(wanted, granted);
        granted -= bytes;
        return bytes;
    }
}
