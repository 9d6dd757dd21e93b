package org.tidemark.backup.target.s3;

import java.io.IOException;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.PortUnreachableException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.security.cert.CertificateException;
import java.time.Clock;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;
import org.tidemark.backup.target.TargetException;
import org.tidemark.backup.target.TargetException.Kind;
import software.amazon.awssdk.awscore.exception.AwsErrorDetails;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.SdkGlobalTime;
import software.amazon.awssdk.core.exception.AbortedException;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.s3.model.NoSuchBucketException;
import software.amazon.awssdk.services.s3.model.NoSuchKeyException;

/** Says what a failure of the SDK means and what to do about it. */
final class S3Errors {
    private static final Duration LONGEST_ASKED_PAUSE = Duration.ofMinutes(5);
    private static final Set<String> THROTTLED = Set.of(
            "SlowDown",
            "ServiceUnavailable",
            "Throttling",
            "ThrottlingException",
            "RequestLimitExceeded",
            "TooManyRequests",
            "BandwidthLimitExceeded",
            "RequestThrottled");
    private static final Set<String> FULL = Set.of(
            "QuotaExceeded",
            "InsufficientStorage",
            "XMinioStorageFull",
            "StorageFull",
            "EntityTooLarge",
            "InsufficientCapacity",
            "XAmzQuotaExceeded");
    private static final Set<String> PASSING = Set.of(
            "InternalError",
            "RequestTimeout",
            "OperationAborted",
            "ConditionalRequestConflict",
            "BadDigest",
            "XAmzContentSHA256Mismatch",
            "IncompleteBody",
            "NoSuchUpload",
            "Busy");

    private final S3Settings settings;
    private final Clock clock;

    S3Errors(S3Settings settings, Clock clock) {
        this.settings = settings;
        this.clock = clock;
    }

    /** What happened while {@code doing} ("write pack/x"). */
    TargetException of(String doing, SdkException e) {
        String where = doing + ", " + settings.place() + ": ";
        if (e instanceof AwsServiceException service) {
            // From an answer about clocks the SDK takes the time for the whole process. One store with a wrong clock
            // must not make every other one refuse us.
            SdkGlobalTime.setGlobalTimeOffset(0);
            return answered(where, service);
        }
        if (e instanceof AbortedException || Thread.currentThread().isInterrupted()) {
            Thread.currentThread().interrupt();
            return new TargetException(Kind.RETRYABLE, where + "interrupted", e);
        }
        return unanswered(where, e);
    }

    /** The connection broke while {@code doing}. */
    TargetException of(String doing, IOException e) {
        return unanswered(doing + ", " + settings.place() + ": ", e);
    }

    static String code(AwsServiceException e) {
        AwsErrorDetails details = e.awsErrorDetails();
        String code = details == null ? null : details.errorCode();
        if (code == null || code.isBlank()) {
            return e instanceof NoSuchBucketException ? "NoSuchBucket" : "";
        }
        return code;
    }

    /**
     * The store says that there is no such key, and therefore that there is the bucket. Not to be asked of an answer to
     * HEAD: the SDK makes the code up, as there is no body.
     */
    static boolean isCertainMiss(AwsServiceException e) {
        return e instanceof NoSuchKeyException && code(e).equals("NoSuchKey");
    }

    private TargetException answered(String where, AwsServiceException e) {
        String code = code(e);
        int status = e.statusCode();
        String said = " (" + (code.isEmpty() ? "HTTP " + status : code + ", HTTP " + status) + message(e) + ")";
        if (code.equals("NoSuchBucket")) {
            return new TargetException(
                    Kind.UNREACHABLE,
                    where + "there is no such bucket. Check its name and the endpoint; if it was there before, it has "
                            + "been removed, or the endpoint is not the one it was" + said,
                    e);
        }
        if (FULL.contains(code) || status == 507) {
            return new TargetException(Kind.FULL, where + "no room left; make room or raise the quota" + said, e);
        }
        TargetException refused = refused(where, code, said, e);
        if (refused != null) {
            return refused;
        }
        if (status == 412 || code.equals("PreconditionFailed")) {
            return new TargetException(Kind.CONFLICT, where + "it exists already" + said, e);
        }
        if (THROTTLED.contains(code) || status == 503 || status == 429) {
            return TargetException.passing(
                    Kind.RETRYABLE,
                    where + "the store asks to slow down; try again later, or run fewer jobs at once" + said,
                    e,
                    retryAfter(e));
        }
        if (PASSING.contains(code) || status >= 500 && status != 501) {
            return TargetException.passing(
                    Kind.RETRYABLE,
                    where + "the store failed; try again, then look at its log" + said,
                    e,
                    retryAfter(e));
        }
        if (status == 404) {
            return new TargetException(Kind.NOT_FOUND, where + "there is no such object" + said, e);
        }
        return new TargetException(
                Kind.DENIED,
                where + "the store does not accept the request. Check endpoint, region and path style; stores that are "
                        + "not AWS often need checksum mode WHEN_REQUIRED" + said,
                e);
    }

    /** What a person has to change; null when it is something else. */
    private @Nullable TargetException refused(String where, String code, String said, AwsServiceException e) {
        String advice =
                switch (code) {
                    case "InvalidAccessKeyId" ->
                        "the store does not know the access key. Check the credentials (" + settings.credentials()
                                + ")";
                    case "SignatureDoesNotMatch" ->
                        "the secret key is wrong. Check the credentials (" + settings.credentials()
                                + ") and the region";
                    case "ExpiredToken", "TokenRefreshRequired", "InvalidToken", "ExpiredTokenException" ->
                        "the credentials have expired (" + settings.credentials() + "). Renew them";
                    case "RequestTimeTooSkewed", "RequestExpired" ->
                        "the clocks differ too much: here it is " + clock.instant() + ", the store says " + date(e)
                                + ". Set the wrong one right (NTP)";
                    case "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException" ->
                        "the bucket is in another region than " + settings.region() + ". Set its region";
                    case "InvalidObjectState", "ObjectLocked" -> "the object is locked or archived";
                    default ->
                        e.statusCode() == 403 || e.statusCode() == 401
                                ? "not permitted. The credentials (" + settings.credentials()
                                        + ") need s3:ListBucket, s3:GetObject and s3:PutObject on the bucket"
                                : e.statusCode() == 301 ? "the bucket is in another region. Set its region" : "";
                };
        return advice.isEmpty() ? null : new TargetException(Kind.DENIED, where + advice + said, e);
    }

    private static String message(AwsServiceException e) {
        AwsErrorDetails details = e.awsErrorDetails();
        String words = details == null ? null : details.errorMessage();
        return words == null || words.isBlank() ? "" : ": " + words;
    }

    private static Optional<String> header(AwsServiceException e, String name) {
        AwsErrorDetails details = e.awsErrorDetails();
        return details == null || details.sdkHttpResponse() == null
                ? Optional.empty()
                : details.sdkHttpResponse().firstMatchingHeader(name);
    }

    private static String date(AwsServiceException e) {
        return header(e, "Date").orElse("nothing");
    }

    /** Seconds only: the form with a date depends on clocks being right. */
    private static @Nullable Duration retryAfter(AwsServiceException e) {
        String seconds = header(e, "Retry-After").orElse("").trim();
        if (!seconds.matches("[0-9]{1,6}")) {
            return null;
        }
        Duration asked = Duration.ofSeconds(Long.parseLong(seconds));
        return asked.compareTo(LONGEST_ASKED_PAUSE) > 0 ? LONGEST_ASKED_PAUSE : asked;
    }

    private TargetException unanswered(String where, Exception e) {
        if (caused(e, UnknownHostException.class)) {
            return TargetException.passing(
                    Kind.UNREACHABLE,
                    where + "the name of the host is not known. Check the endpoint and the name service",
                    e,
                    null);
        }
        if (caused(e, CertificateException.class) || caused(e, java.security.cert.CertPathValidatorException.class)) {
            return new TargetException(
                    Kind.UNREACHABLE,
                    where + "the certificate of the server is not trusted. If it is your own, give its CA certificate "
                            + "in the settings of the target (" + innermost(e) + ")",
                    e);
        }
        if (caused(e, SSLException.class) && !caused(e, SocketTimeoutException.class)) {
            String words = innermost(e);
            boolean broken = words.toLowerCase(Locale.ROOT).contains("reset") || words.contains("closed");
            String message = where + "no secure connection: " + words
                    + ". Check that the endpoint speaks https and that its certificate is for this name";
            return broken
                    ? TargetException.passing(Kind.RETRYABLE, message, e, null)
                    : new TargetException(Kind.UNREACHABLE, message, e);
        }
        // The Apache client's own time-out while connecting; its class is no part of our class path by intent.
        if (caused(e, ConnectException.class)
                || caused(e, NoRouteToHostException.class)
                || caused(e, PortUnreachableException.class)
                || causedBy(e, "ConnectTimeoutException")) {
            return TargetException.passing(
                    Kind.UNREACHABLE,
                    where + "nothing answers there. Check the address, the port and the network (" + innermost(e) + ")",
                    e,
                    null);
        }
        String words = String.valueOf(e.getMessage());
        if (words.contains("Unable to load credentials")
                || words.contains("Profile file contained no credentials")
                || words.contains("credentials for profile")
                || words.contains("profile file")) {
            return new TargetException(
                    Kind.DENIED, where + "no credentials found (" + settings.credentials() + "): " + words, e);
        }
        return TargetException.passing(
                Kind.RETRYABLE, where + "the connection broke; try again (" + innermost(e) + ")", e, null);
    }

    private static boolean caused(Throwable e, Class<? extends Throwable> by) {
        for (Throwable at = e; at != null; at = at.getCause()) {
            if (by.isInstance(at)) {
                return true;
            }
        }
        return false;
    }

    private static boolean causedBy(Throwable e, String simpleName) {
        for (Throwable at = e; at != null; at = at.getCause()) {
            if (at.getClass().getSimpleName().equals(simpleName)) {
                return true;
            }
        }
        return false;
    }

    private static Throwable root(Throwable e) {
        Throwable at = e;
        for (Throwable next = at.getCause(); next != null; next = at.getCause()) {
            at = next;
        }
        return at;
    }

    private static String innermost(Throwable e) {
        Throwable root = root(e);
        return root.getMessage() == null ? root.getClass().getSimpleName() : root.getMessage();
    }
}
