package org.tidemark.appliance.client;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;

/**
 * An appliance, by its REST interface. Addresses are those below {@code /api/v1}, such as {@code /containers}; {@link ApiPath} makes
 * them. Every failure is an {@link ApplianceException}: the appliance's own problem with its kind, or {@link
 * FailureKind#UNREACHABLE} when nothing came back. Every request ends in time. For one thread at a time, but {@link #post} may
 * be called beside {@link #watch}.
 */
public final class ApplianceClient {
    private static final int PAGE = 200;

    private final Endpoint.Source source;
    private final Transport.Limits limits;
    private volatile Transport transport;

    /** Finds the appliance; nothing is sent yet. */
    public ApplianceClient(Endpoint.Source source) throws IOException {
        this(source, Transport.Limits.USUAL);
    }

    ApplianceClient(Endpoint.Source source, Transport.Limits limits) throws IOException {
        this.source = source;
        this.limits = limits;
        this.transport = new Transport(source.find(), limits);
    }

    /** The appliance that the environment names, or that of this host. */
    public static ApplianceClient ofEnvironment(Map<String, String> environment) throws IOException {
        return new ApplianceClient(new ApplianceFinder(null, null, environment));
    }

    /** The appliance whose state folder this is, on this host. */
    public static ApplianceClient ofStateFolder(Path state) throws IOException {
        return ofEnvironment(Map.of("TIDEMARK_STATE", state.toString()));
    }

    /** An appliance at an address; a certificate must be of an authority that Java knows. */
    public static ApplianceClient of(String url, String token) throws IOException {
        return new ApplianceClient(() -> new Endpoint(url, token, null, null, false));
    }

    public Endpoint endpoint() {
        return transport.endpoint();
    }

    Transport transport() {
        return transport;
    }

    /** Looks for the appliance again: after a new start its token, and perhaps its port, are others. */
    void findAgain() throws IOException {
        transport = new Transport(source.find(), limits);
    }

    public Answer get(String path) throws IOException {
        return answer(transport.send("GET", path, null));
    }

    public Answer post(String path, Map<String, ? extends @Nullable Object> body) throws IOException {
        return answer(transport.send("POST", path, JSON.std.asString(body)));
    }

    public Answer put(String path, Map<String, ? extends @Nullable Object> body) throws IOException {
        return answer(transport.send("PUT", path, JSON.std.asString(body)));
    }

    public Answer patch(String path, Map<String, ? extends @Nullable Object> body) throws IOException {
        return answer(transport.send("PATCH", path, JSON.std.asString(body)));
    }

    /** The answer is empty unless the deletion became a job. */
    public Answer delete(String path) throws IOException {
        return answer(transport.send("DELETE", path, null));
    }

    /** Every member of a list, fetched page by page as they are taken. */
    public Iterator<Answer> each(String path) {
        return new Pages(path);
    }

    /** Every member of a list. */
    public List<Answer> list(String path) throws IOException {
        return list(path, Integer.MAX_VALUE);
    }

    /** The first members of a list. */
    public List<Answer> list(String path, int most) throws IOException {
        List<Answer> all = new ArrayList<>();
        try {
            Iterator<Answer> each = each(path);
            while (all.size() < most && each.hasNext()) {
                all.add(each.next());
            }
        } catch (java.io.UncheckedIOException e) {
            throw e.getCause();
        }
        return all;
    }

    /** Waits for the end of a job; tells how it goes on meanwhile. The answer is the job in its final state. */
    public Answer watch(String jobId, JobListener listener) throws IOException {
        return new JobWatch(this, listener).untilEnd(jobId);
    }

    /** Starts a job and waits for its end, which may be a failure: see {@link #demandSuccess}. */
    public Answer run(Map<String, ? extends @Nullable Object> request) throws IOException {
        return watch(post("/jobs", request).text("id"), job -> {});
    }

    /** The job, when it succeeded; else its error as an exception. */
    public static Answer demandSuccess(Answer job) throws ApplianceException {
        if (job.text("state").equals("SUCCEEDED")) {
            return job;
        }
        Answer error = job.object("error");
        FailureKind kind =
                job.text("state").equals("CANCELLED") ? FailureKind.CANCELLED : FailureKind.ofCode(error.text("code"));
        String detail = error.text("detail");
        if (detail.isEmpty()) {
            detail = "job " + job.text("id")
                    + (kind == FailureKind.CANCELLED ? " was cancelled" : " failed without saying why");
        }
        throw new ApplianceException(kind, detail);
    }

    private Answer answer(Transport.Response response) throws IOException {
        Answer body = parsed(response.body());
        if (response.status() < 300) {
            return body;
        }
        throw problem(response.status(), body);
    }

    /** Something between us and the appliance may answer too, and not in JSON. */
    private static Answer parsed(String body) {
        try {
            return body.isBlank() ? Answer.EMPTY : Answer.of(JSON.std.anyFrom(body));
        } catch (IOException e) {
            return Answer.EMPTY;
        }
    }

    ApplianceException problem(int status, Answer body) {
        if (body.has("code")) {
            String detail = body.text("detail");
            return new ApplianceException(
                    FailureKind.ofCode(body.text("code")), detail.isEmpty() ? body.text("title") : detail);
        }
        FailureKind kind =
                switch (status) {
                    case 401 -> FailureKind.NOT_AUTHENTICATED;
                    case 403 -> FailureKind.NOT_PERMITTED;
                    case 404 -> FailureKind.NOT_FOUND;
                    case 502, 503, 504 -> FailureKind.UNREACHABLE;
                    default -> FailureKind.FAILED;
                };
        return new ApplianceException(
                kind, transport.endpoint() + " answered with status " + status + "; is that an appliance?");
    }

    /** Walks over a list. */
    private final class Pages implements Iterator<Answer> {
        private final String path;
        private Iterator<Answer> page = List.<Answer>of().iterator();
        private @Nullable String after;
        private boolean last;

        private Pages(String path) {
            this.path = path;
        }

        @Override
        public boolean hasNext() {
            while (!page.hasNext() && !last) {
                fetch();
            }
            return page.hasNext();
        }

        private void fetch() {
            try {
                Answer answer = get(ApiPath.query(path, "limit", String.valueOf(PAGE), "after", after));
                page = answer.objects("items").iterator();
                after = answer.textOrNull("next");
                last = after == null;
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        }

        @Override
        public Answer next() {
            if (!hasNext()) {
                throw new NoSuchElementException(path);
            }
            return page.next();
        }
    }

    /** Fields of a body in the order given, name, value, name, value...; those without a value are left out. */
    public static Map<String, @Nullable Object> body(@Nullable Object... namesAndValues) {
        Map<String, @Nullable Object> map = new LinkedHashMap<>();
        for (int i = 0; i + 1 < namesAndValues.length; i += 2) {
            if (namesAndValues[i + 1] != null) {
                map.put(String.valueOf(namesAndValues[i]), namesAndValues[i + 1]);
            }
        }
        return map;
    }
}
