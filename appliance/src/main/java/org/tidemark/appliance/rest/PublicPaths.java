package org.tidemark.appliance.rest;

import java.util.Set;

/** What is answered to anybody. Everything else needs a caller. */
final class PublicPaths {
    private static final Set<String> OPEN = Set.of(
            "GET /api/v1/setup",
            "POST /api/v1/setup",
            "POST /api/v1/session",
            "GET /q/health/live",
            "GET /q/health/ready");

    private PublicPaths() {}

    static boolean isPublic(String method, String path) {
        return isUi(path) || OPEN.contains(method + " " + withoutParameters(path));
    }

    /** Whether a path belongs to the web interface: files, and addresses of its views. */
    static boolean isUi(String path) {
        String plain = withoutParameters(path);
        return !isUnder("/api", plain) && !isUnder("/q", plain);
    }

    /** Files of the web interface whose name changes with their content. */
    static boolean isAsset(String path) {
        return isUnder("/assets", path);
    }

    /** A view of the web interface is no file. Names of containers may have dots, so only at the top does a dot make a file. */
    static boolean isView(String path) {
        return isUi(path) && !isAsset(path) && (path.indexOf('/', 1) > 0 || path.indexOf('.') < 0);
    }

    /** The resources do not see {@code ;name=value} in a path; whoever decides what is public must not either. */
    private static String withoutParameters(String path) {
        return path.indexOf(';') < 0 ? path : path.replaceAll(";[^/]*", "");
    }

    private static boolean isUnder(String folder, String path) {
        return path.equals(folder) || path.startsWith(folder + "/");
    }
}
