package org.tidemark.appliance.rest;

import io.quarkus.security.ForbiddenException;
import io.quarkus.vertx.http.runtime.filters.Filters;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.event.Observes;
import java.util.Set;
import org.tidemark.appliance.failure.FailureKind;

/** What holds for every request before any resource sees it, in the order of the filters: headers, size, forgery, the UI's views. */
public final class WebFilters {
    /** Requests that come with a cookie and change something must have it; no form of another site can set it. */
    public static final String REQUEST_HEADER = "X-Tidemark-Request";

    private static final int FIRST = 1000;
    private static final int LENGTH_REQUIRED = 411;
    private static final long MAX_BODY = 1 << 20;
    private static final Set<HttpMethod> READING = Set.of(HttpMethod.GET, HttpMethod.HEAD, HttpMethod.OPTIONS);
    private static final String POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
            + " font-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
    private static final String INDEX = "/index.html";

    private final boolean ui = isFile(INDEX);

    void filters(@Observes Filters filters) {
        filters.register(WebFilters::headers, FIRST);
        filters.register(WebFilters::size, FIRST - 1);
        filters.register(WebFilters::forgery, FIRST - 2);
        filters.register(this::view, FIRST - 3);
    }

    void failures(@Observes Router router) {
        router.route().order(Integer.MIN_VALUE).failureHandler(WebFilters::failed);
    }

    private static void headers(RoutingContext context) {
        HttpServerResponse response = context.response();
        response.putHeader("Content-Security-Policy", POLICY)
                .putHeader("X-Content-Type-Options", "nosniff")
                .putHeader("X-Frame-Options", "DENY")
                .putHeader("Referrer-Policy", "no-referrer")
                .putHeader("Cross-Origin-Opener-Policy", "same-origin");
        if ("https".equals(context.request().scheme())) {
            response.putHeader("Strict-Transport-Security", "max-age=31536000");
        }
        String caching = caching(context.normalizedPath());
        // At the end, because the handler of files puts one of its own.
        context.addHeadersEndHandler(ended -> response.putHeader("Cache-Control", caching));
        context.next();
    }

    /** The page that names the assets is asked for each time, so that a newer appliance shows its own UI at once. */
    private static String caching(String path) {
        if (!PublicPaths.isUi(path)) {
            return "no-store";
        }
        return PublicPaths.isAsset(path) ? "public, max-age=31536000, immutable" : "no-cache";
    }

    /** The framework refuses long bodies too, but without a word. */
    private static void size(RoutingContext context) {
        String length = context.request().getHeader("Content-Length");
        if (length != null && isTooLong(length)) {
            context.response().putHeader("Connection", "close");
            ProblemAnswer.send(context, Problem.of(FailureKind.TOO_LARGE, "the body is larger than 1 MiB"));
            return;
        }
        if (context.request().getHeader("Transfer-Encoding") != null) {
            // How long it gets is known too late for an answer.
            context.response().putHeader("Connection", "close");
            Problem usual = Problem.of(FailureKind.USAGE, "the body's length must be told (Content-Length)");
            ProblemAnswer.send(
                    context,
                    new Problem(usual.type(), usual.title(), LENGTH_REQUIRED, usual.code(), usual.detail(), null));
            return;
        }
        context.next();
    }

    private static boolean isTooLong(String length) {
        try {
            return Long.parseLong(length) > MAX_BODY;
        } catch (NumberFormatException e) {
            return true;
        }
    }

    private static void forgery(RoutingContext context) {
        HttpServerRequest request = context.request();
        boolean byCookie =
                request.getHeader("Authorization") == null && request.getCookie(Authentication.COOKIE) != null;
        if (byCookie
                && !READING.contains(request.method())
                && !PublicPaths.isPublic(request.method().name(), context.normalizedPath())
                && !"1".equals(request.getHeader(REQUEST_HEADER))) {
            ProblemAnswer.send(
                    context,
                    Problem.of(
                            FailureKind.NOT_PERMITTED,
                            "requests with a session cookie that change something need the header " + REQUEST_HEADER
                                    + ": 1"));
            return;
        }
        context.next();
    }

    private void view(RoutingContext context) {
        HttpServerRequest request = context.request();
        String path = context.normalizedPath();
        // Names may have dots: what a browser opens as a page is a view too, unless there is such a file.
        boolean page = String.valueOf(request.getHeader("Accept")).contains("text/html");
        boolean view = PublicPaths.isView(path) || (page && PublicPaths.isUi(path) && !isFile(path));
        if (request.method() != HttpMethod.GET || !view) {
            context.next();
        } else if (ui) {
            context.reroute(INDEX);
        } else {
            context.response()
                    .putHeader("Content-Type", "text/plain; charset=utf-8")
                    .end("Tidemark runs. This build has no web interface; use the command line (tidemark --help)"
                            + " or the interface for programs (/q/openapi).\n");
        }
    }

    private static boolean isFile(String path) {
        return Thread.currentThread().getContextClassLoader().getResource("META-INF/resources" + path) != null;
    }

    private static void failed(RoutingContext context) {
        int status = context.failure() instanceof ForbiddenException
                ? FailureKind.NOT_PERMITTED.status()
                : context.statusCode();
        switch (status) {
            case 400 -> ProblemAnswer.send(context, Problem.of(FailureKind.USAGE, "this is no HTTP request"));
            case 401 ->
                ProblemAnswer.send(context, Problem.of(FailureKind.NOT_AUTHENTICATED, Authentication.reason(context)));
            case 403 -> ProblemAnswer.send(context, Problem.of(FailureKind.NOT_PERMITTED, Problems.NOT_ALLOWED));
            case 413 -> ProblemAnswer.send(context, Problem.of(FailureKind.TOO_LARGE, "the body is larger than 1 MiB"));
            default -> context.next();
        }
    }
}
