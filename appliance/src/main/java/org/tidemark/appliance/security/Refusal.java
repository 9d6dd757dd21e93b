package org.tidemark.appliance.security;

import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;

/** Why somebody is not let in. */
final class Refusal {
    private Refusal() {}

    static ApplianceException of(String sentence) {
        return new ApplianceException(FailureKind.NOT_AUTHENTICATED, sentence);
    }
}
