package org.tidemark.appliance.rest;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.FailureKind;

/**
 * A failure as the API tells it.
 *
 * @param code one of the words of {@link FailureKind#code}
 * @param detail what, where, and what to do
 * @param errors which fields of the request are wrong
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Problem(
        String type,
        String title,
        int status,
        String code,
        String detail,
        @Nullable List<FieldError> errors) {
    /** Media type of problems. */
    public static final String MEDIA_TYPE = "application/problem+json";

    /** What is wrong with one field. */
    public record FieldError(String field, String message) {}

    public static Problem of(FailureKind kind, String detail) {
        return of(kind, detail, null);
    }

    public static Problem of(FailureKind kind, String detail, @Nullable List<FieldError> errors) {
        return new Problem(
                "urn:tidemark:problem:" + kind.code(), kind.title(), kind.status(), kind.code(), detail, errors);
    }
}
