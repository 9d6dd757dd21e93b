package org.tidemark.ploop.filesystem;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.tidemark.ploop.io.ImageException;

/**
 * An image in the layout of the Open Container Initiative: {@code oci-layout}, {@code index.json}, and blobs by checksum. Of
 * several platforms the one of this host is taken. Every blob that is used is compared with its checksum.
 *
 * @param layers paths below the folder, bottom first
 */
record OciImage(List<String> layers) {
    static final String MARKER = "oci-layout";
    static final String BUNDLE_CONFIG = "config.json";

    private static final int MAX_JSON_BYTES = 4 << 20;
    private static final int MAX_NESTING = 4;
    private static final int MAX_LAYERS = 1024;

    static OciImage read(Path folder) throws IOException {
        Map<String, Object> index = json(folder.resolve("index.json"));
        Map<String, Object> manifest = manifestOf(folder, index, 0);
        List<String> layers = new ArrayList<>();
        for (Map<String, Object> layer : objects(folder, manifest, "layers")) {
            String type = String.valueOf(layer.get("mediaType"));
            if (!type.contains(".tar") || type.contains("encrypted")) {
                throw unsupported(folder, "a layer of type " + type);
            }
            if (layers.size() == MAX_LAYERS) {
                throw damaged(folder, "more than " + MAX_LAYERS + " layers");
            }
            layers.add(blob(folder, layer));
        }
        if (layers.isEmpty()) {
            throw damaged(folder, "no layers");
        }
        return new OciImage(layers);
    }

    /** The root file system that a bundle's {@code config.json} names. */
    static Path rootOfBundle(Path bundle) throws IOException {
        Map<String, Object> config = json(bundle.resolve(BUNDLE_CONFIG));
        if (!(config.get("root") instanceof Map<?, ?> root) || !(root.get("path") instanceof String path)) {
            throw damaged(bundle, BUNDLE_CONFIG + " names no root.path");
        }
        try {
            Path tree = bundle.resolve(path).normalize();
            if (!Files.isDirectory(tree)) {
                throw new NoSuchFileException(tree + ": the root file system of the bundle is not there");
            }
            return tree.toRealPath();
        } catch (InvalidPathException e) {
            throw damaged(bundle, "'" + path + "' is no path");
        }
    }

    private static Map<String, Object> manifestOf(Path folder, Map<String, Object> index, int depth)
            throws IOException {
        if (depth == MAX_NESTING) {
            throw damaged(folder, "indexes within indexes");
        }
        List<String> platforms = new ArrayList<>();
        for (Map<String, Object> one : objects(folder, index, "manifests")) {
            if (!isForThisHost(one, platforms)) {
                continue;
            }
            Map<String, Object> document = json(folder.resolve(blob(folder, one)));
            return document.containsKey("manifests") ? manifestOf(folder, document, depth + 1) : document;
        }
        throw unsupported(folder, platforms.isEmpty() ? "an index without manifests" : "an image for " + platforms);
    }

    private static boolean isForThisHost(Map<String, Object> manifest, List<String> platforms) {
        if (!(manifest.get("platform") instanceof Map<?, ?> platform)) {
            return true;
        }
        String found = platform.get("os") + "/" + platform.get("architecture");
        platforms.add(found);
        String machine = System.getProperty("os.arch", "").toLowerCase(Locale.ROOT);
        return found.equals("linux/" + (machine.equals("aarch64") ? "arm64" : machine));
    }

    /** The path of a blob below the folder, its content compared with its name. */
    private static String blob(Path folder, Map<String, Object> descriptor) throws IOException {
        String digest = String.valueOf(descriptor.get("digest"));
        if (!digest.matches("sha256:[0-9a-f]{64}")) {
            throw unsupported(folder, "the digest '" + digest + "'");
        }
        String hex = digest.substring("sha256:".length());
        String path = "blobs/sha256/" + hex;
        if (!sha256(folder.resolve(path)).equals(hex)) {
            throw damaged(folder, path + " does not have the checksum that is its name");
        }
        return path;
    }

    private static String sha256(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            byte[] buffer = new byte[1 << 16];
            for (int length = in.read(buffer); length >= 0; length = in.read(buffer)) {
                digest.update(buffer, 0, length);
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private static List<Map<String, Object>> objects(Path folder, Map<String, Object> parent, String name)
            throws IOException {
        if (!(parent.get(name) instanceof List<?> list)) {
            throw damaged(folder, "no list '" + name + "'");
        }
        List<Map<String, Object>> objects = new ArrayList<>();
        for (Object one : list) {
            if (!(one instanceof Map<?, ?> map)) {
                throw damaged(folder, "'" + name + "' holds something that is no object");
            }
            Map<String, Object> object = new java.util.HashMap<>();
            map.forEach((key, value) -> object.put(String.valueOf(key), value));
            objects.add(object);
        }
        return objects;
    }

    private static Map<String, Object> json(Path file) throws IOException {
        if (Files.size(file) > MAX_JSON_BYTES) {
            throw damaged(file, Files.size(file) + " bytes are too many");
        }
        try {
            return JSON.std.mapFrom(Files.readString(file));
        } catch (com.fasterxml.jackson.core.JacksonException | java.nio.charset.CharacterCodingException e) {
            throw new ImageException(ImageException.Kind.DAMAGED, file + ": is no JSON: " + e.getMessage(), e);
        }
    }

    private static ImageException damaged(Path where, String what) {
        return new ImageException(ImageException.Kind.DAMAGED, where + ": " + what);
    }

    private static ImageException unsupported(Path where, String what) {
        return new ImageException(ImageException.Kind.UNSUPPORTED, where + ": " + what + " is not supported");
    }
}
