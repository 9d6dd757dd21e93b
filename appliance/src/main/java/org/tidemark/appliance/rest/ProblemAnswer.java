package org.tidemark.appliance.rest;

import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.web.RoutingContext;
import org.tidemark.appliance.failure.FailureKind;

/** Answers a request that ends before any resource saw it. */
final class ProblemAnswer {
    private ProblemAnswer() {}

    static void send(RoutingContext context, Problem problem) {
        HttpServerResponse response = context.response();
        if (response.ended() || response.headWritten()) {
            return;
        }
        response.setStatusCode(problem.status()).putHeader("Content-Type", Problem.MEDIA_TYPE);
        if (problem.status() == FailureKind.NOT_AUTHENTICATED.status()) {
            response.putHeader("WWW-Authenticate", "Bearer");
        }
        JsonObject body = new JsonObject()
                .put("type", problem.type())
                .put("title", problem.title())
                .put("status", problem.status())
                .put("code", problem.code())
                .put("detail", problem.detail());
        response.end(body.encode());
    }
}
