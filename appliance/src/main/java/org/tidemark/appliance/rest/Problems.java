package org.tidemark.appliance.rest;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.exc.InvalidFormatException;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import io.quarkus.security.AuthenticationFailedException;
import io.quarkus.security.ForbiddenException;
import io.quarkus.security.UnauthorizedException;
import jakarta.validation.ConstraintViolation;
import jakarta.validation.ConstraintViolationException;
import jakarta.ws.rs.WebApplicationException;
import jakarta.ws.rs.core.Response;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.jboss.logging.Logger;
import org.jboss.resteasy.reactive.server.ServerExceptionMapper;
import org.tidemark.appliance.failure.FailureKind;

/** Turns what a request ended with into a {@link Problem}. Only what nobody expected is logged with its trace. */
public final class Problems {
    static final String NOT_ALLOWED = "your role or the scopes of your token do not allow this; ask an administrator";

    private static final Logger LOG = Logger.getLogger(Problems.class);

    static Response response(Problem problem) {
        Response.ResponseBuilder builder =
                Response.status(problem.status()).type(Problem.MEDIA_TYPE).entity(problem);
        if (problem.status() == FailureKind.NOT_AUTHENTICATED.status()) {
            builder.header("WWW-Authenticate", "Bearer");
        }
        return builder.build();
    }

    @ServerExceptionMapper
    public Response any(Throwable failure) {
        FailureKind kind = FailureKind.of(failure);
        if (kind == FailureKind.FAILED && failure instanceof RuntimeException) {
            LOG.error("a request failed", failure);
            return response(Problem.of(
                    kind, "the appliance has a defect: " + FailureKind.words(failure) + ". The log has more"));
        }
        return response(Problem.of(kind, FailureKind.words(failure)));
    }

    @ServerExceptionMapper
    public Response http(WebApplicationException failure) {
        if (failure.getCause() instanceof JsonProcessingException json) {
            return json(json);
        }
        int status = failure.getResponse().getStatus();
        FailureKind kind =
                switch (status) {
                    case 401 -> FailureKind.NOT_AUTHENTICATED;
                    case 403 -> FailureKind.NOT_PERMITTED;
                    case 404 -> FailureKind.NOT_FOUND;
                    case 413 -> FailureKind.TOO_LARGE;
                    case 429 -> FailureKind.TOO_MANY_REQUESTS;
                    case 503 -> FailureKind.UNAVAILABLE;
                    default -> status < 500 ? FailureKind.USAGE : FailureKind.FAILED;
                };
        Problem usual = Problem.of(kind, words(status, failure));
        return response(new Problem(usual.type(), usual.title(), status, usual.code(), usual.detail(), null));
    }

    private static String words(int status, WebApplicationException failure) {
        return switch (status) {
            case 404 -> "there is nothing at this address; the interface is described at /q/openapi";
            case 405 -> "this address does not take that method";
            case 406 -> "only application/json is spoken here";
            case 413 -> "the body is larger than 1 MiB";
            case 415 -> "the body must be application/json";
            default -> failure.getMessage() == null ? "HTTP status " + status : failure.getMessage();
        };
    }

    /** The framework answers this kind by itself, without a body, unless somebody else does. */
    @ServerExceptionMapper
    public Response mismatch(MismatchedInputException failure) {
        return json(failure);
    }

    @ServerExceptionMapper
    public Response json(JsonProcessingException failure) {
        List<Problem.FieldError> errors = new ArrayList<>();
        String detail = "the body is not valid JSON: " + failure.getOriginalMessage();
        if (failure instanceof JsonMappingException mapping) {
            String field = mapping.getPath().stream()
                    .map(part -> part.getFieldName() == null ? "[" + part.getIndex() + "]" : part.getFieldName())
                    .collect(Collectors.joining("."));
            String message = fieldWords(mapping);
            errors.add(new Problem.FieldError(field, message));
            detail = "field '" + field + "' " + message;
        }
        return response(Problem.of(FailureKind.USAGE, detail, errors.isEmpty() ? null : errors));
    }

    private static String fieldWords(JsonMappingException failure) {
        if (failure instanceof UnrecognizedPropertyException unknown) {
            return "is not known here; known are " + unknown.getKnownPropertyIds();
        }
        if (failure instanceof InvalidFormatException format
                && format.getTargetType() != null
                && format.getTargetType().isEnum()) {
            return "must be one of " + List.of(format.getTargetType().getEnumConstants()) + ", not '"
                    + format.getValue() + "'";
        }
        if (failure instanceof MismatchedInputException mismatch && mismatch.getTargetType() != null) {
            return "must be of type " + mismatch.getTargetType().getSimpleName();
        }
        Throwable cause = failure.getCause();
        return cause instanceof IllegalArgumentException ? String.valueOf(cause.getMessage()) : "cannot be read";
    }

    @ServerExceptionMapper
    public Response invalid(ConstraintViolationException failure) {
        List<Problem.FieldError> errors = new ArrayList<>();
        for (ConstraintViolation<?> violation : failure.getConstraintViolations()) {
            String path = violation.getPropertyPath().toString();
            // method.parameter.field: the first two are ours, not the caller's.
            String[] parts = path.split("\\.", 3);
            errors.add(new Problem.FieldError(parts[parts.length - 1], violation.getMessage()));
        }
        errors.sort(java.util.Comparator.comparing(Problem.FieldError::field));
        String detail = errors.stream()
                .map(error -> "'" + error.field() + "' " + error.message())
                .collect(Collectors.joining("; "));
        return response(Problem.of(FailureKind.USAGE, detail, errors));
    }

    @ServerExceptionMapper
    public Response notAuthenticated(UnauthorizedException failure) {
        return response(Problem.of(FailureKind.NOT_AUTHENTICATED, "sign in, or give a token"));
    }

    @ServerExceptionMapper
    public Response badCredentials(AuthenticationFailedException failure) {
        return response(Problem.of(
                FailureKind.NOT_AUTHENTICATED,
                failure.getMessage() == null ? "sign in again, or give a valid token" : failure.getMessage()));
    }

    @ServerExceptionMapper
    public Response forbidden(ForbiddenException failure) {
        return response(Problem.of(FailureKind.NOT_PERMITTED, NOT_ALLOWED));
    }
}
