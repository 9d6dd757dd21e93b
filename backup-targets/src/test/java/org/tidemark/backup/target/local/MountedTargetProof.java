package org.tidemark.backup.target.local;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.tidemark.backup.target.ByteRange;
import org.tidemark.backup.target.TargetException;

/**
 * A folder target on a mount that another machine's kernel has, told what to do line by line. {@code put N} puts that many more blobs from
 * two threads and reads them all; {@code kinds} does everything once and tells how each ended; {@code words} tells what a put is refused with;
 * {@code fill} puts until one fails, of which nothing may be left.
 */
public final class MountedTargetProof {
    private static final int BLOB_BYTES = 300_000;
    private static final int MOST_LATE_BLOBS = 100;

    private final Path folder;
    private final LocalTarget target;
    private int blobs;

    private MountedTargetProof(Path folder, LocalTarget target) {
        this.folder = folder;
        this.target = target;
    }

    /** The argument is the folder. */
    public static void main(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[0]);
        MountedTargetProof proof = new MountedTargetProof(folder, LocalTarget.create(folder, new Random()));
        System.out.println("READY");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            if (line.startsWith("put ")) {
                proof.put(Integer.parseInt(line.substring(4)));
                System.out.println("RESULT held " + proof.blobs);
            } else {
                System.out.println("RESULT " + line + " "
                        + switch (line) {
                            case "kinds" -> proof.kinds();
                            case "words" -> proof.words();
                            case "fill" -> proof.fill();
                            default -> throw new IllegalArgumentException(line);
                        });
            }
        }
    }

    private static ByteBuffer content(int number) {
        byte[] bytes = new byte[BLOB_BYTES + number];
        new Random(number).nextBytes(bytes);
        return ByteBuffer.wrap(bytes);
    }

    private static String key(int number) {
        return "pack/" + number % 7 + "/" + number;
    }

    private void put(int count) throws Exception {
        ExecutorService two = Executors.newFixedThreadPool(2);
        List<Future<?>> running = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int number = blobs++;
            running.add(two.submit(() -> {
                target.putIfAbsent(key(number), List.of(content(number)));
                return 0;
            }));
        }
        for (Future<?> one : running) {
            one.get(100, TimeUnit.SECONDS);
        }
        two.shutdown();
        TreeSet<String> listed = new TreeSet<>();
        target.list("pack/", (key, sizeBytes) -> listed.add(key));
        for (int number = 0; number < blobs; number++) {
            ByteBuffer got = ByteBuffer.allocate(BLOB_BYTES + number);
            target.get(key(number), ByteRange.head(got.capacity()), got);
            if (!listed.contains(key(number)) || got.flip().mismatch(content(number)) >= 0) {
                throw new AssertionError(key(number));
            }
        }
        if (listed.size() != blobs) {
            throw new AssertionError(listed);
        }
        // To find out needs room.
        if (count > 0 && !"CONFLICT".equals(kind(() -> target.putIfAbsent(key(0), List.of(content(0)))))) {
            throw new AssertionError("put twice");
        }
    }

    private interface Call {
        void run() throws TargetException;
    }

    private static String kind(Call call) {
        try {
            call.run();
            return "ok";
        } catch (TargetException e) {
            return e.kind().toString();
        }
    }

    private Map<String, String> kinds() {
        Map<String, String> kinds = new LinkedHashMap<>();
        kinds.put("list", kind(() -> target.list("", (key, sizeBytes) -> {})));
        kinds.put("folders", kind(() -> target.listFolders("", name -> {})));
        kinds.put("stat", kind(() -> target.stat("nothing")));
        kinds.put("get", kind(() -> target.get("nothing", ByteRange.head(1), ByteBuffer.allocate(1))));
        kinds.put("put", kind(() -> target.putIfAbsent("late-" + System.nanoTime(), List.of(content(0)))));
        return kinds;
    }

    private String words() {
        try {
            target.putIfAbsent("late-" + System.nanoTime(), List.of(content(0)));
            return "ok";
        } catch (TargetException e) {
            return e.kind() + " " + e.getMessage();
        }
    }

    private String fill() throws Exception {
        for (int number = 0; number < MOST_LATE_BLOBS; number++) {
            String key = "late/" + number;
            try {
                target.putIfAbsent(key, List.of(content(number)));
            } catch (TargetException e) {
                if (!"NOT_FOUND".equals(kind(() -> target.stat(key)))) {
                    throw new AssertionError("half done: " + key);
                }
                try (Stream<Path> rests = Files.list(folder.resolve(".tmp"))) {
                    if (rests.findAny().isPresent()) {
                        throw new AssertionError("temporary files are left");
                    }
                }
                return e.kind() + " " + e.getMessage();
            }
        }
        return "ok";
    }
}
