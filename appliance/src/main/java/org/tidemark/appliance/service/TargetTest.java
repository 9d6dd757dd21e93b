package org.tidemark.appliance.service;

import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What testing a target showed. */
public final class TargetTest {
    private TargetTest() {}

    /** One step, in the order they were taken. */
    public record Step(String name, boolean ok, long millis, String detail) {}

    /**
     * The whole.
     *
     * @param failure what the last step ended with; null when all went well
     */
    public record Result(
            long millis,
            List<Step> steps,
            boolean singleWriter,
            @Nullable String notice,
            @Nullable IOException failure) {}
}
