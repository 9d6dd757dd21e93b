package org.tidemark.appliance.service.replication;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What is proof enough to promote a replica, and what is not. */
class PromotionFactsTest {
    private static final Instant OLD = Instant.parse("2026-03-01T10:00:00Z");
    private static final Instant NEW = Instant.parse("2026-03-01T11:00:00Z");
    private static final PromotionFacts.Loss NONE = new PromotionFacts.Loss("web", 0, NEW, NEW);

    private static PromotionFacts facts(
            @Nullable String error,
            List<String> policies,
            List<Long> jobs,
            List<String> others,
            PromotionFacts.Loss loss) {
        return new PromotionFacts("here", "there", error, policies, jobs, others, List.of(loss));
    }

    @Test
    void aSourceThatAnswersAndIsWrittenByNobodyIsProof() {
        assertThat(facts(null, List.of(), List.of(), List.of(), NONE).doubts()).isEmpty();
    }

    @Test
    void silenceIsNoProof() {
        PromotionFacts facts = facts("no route to host", List.of(), List.of(), List.of(), NONE);
        assertThat(facts.doubts()).singleElement().asString().contains("does not answer", "no route to host");
        assertThat(facts.refusal()).contains("'there' stays a replica").endsWith("--really here");
    }

    @Test
    void everyWriterIsADoubt() {
        assertThat(facts(null, List.of("nightly"), List.of(), List.of(), NONE).doubts())
                .singleElement()
                .asString()
                .contains("nightly", "--policies");
        assertThat(facts(null, List.of(), List.of(7L), List.of(), NONE).doubts())
                .singleElement()
                .asString()
                .contains("7");
        assertThat(facts(null, List.of(), List.of(), List.of("db"), NONE).doubts())
                .singleElement()
                .asString()
                .contains("db", "another appliance");
    }

    @Test
    void whatWouldBeLostIsSaidAndIsADoubt() {
        PromotionFacts facts =
                facts(null, List.of(), List.of(), List.of(), new PromotionFacts.Loss("web", 2, NEW, OLD));
        assertThat(facts.doubts())
                .singleElement()
                .asString()
                .contains("web: 2 points", NEW.toString(), OLD.toString(), "replicate run there");
        assertThat(new PromotionFacts.Loss("web", 1, NEW, null).sentence())
                .isEqualTo("web: 1 point, the newest of " + NEW + " there, none here");
    }

    @Test
    void nobodyIsToldToBringItUpFromASourceThatDoesNotAnswer() {
        PromotionFacts facts =
                facts("gone", List.of(), List.of(), List.of(), new PromotionFacts.Loss("web", 2, NEW, OLD));
        assertThat(facts.refusal()).contains("2 points").doesNotContain("replicate run");
    }
}
