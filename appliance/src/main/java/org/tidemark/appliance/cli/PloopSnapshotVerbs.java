package org.tidemark.appliance.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.tidemark.appliance.service.Snapshots;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.chain.ChainProgress;
import org.tidemark.ploop.chain.FileReplacement;
import org.tidemark.ploop.chain.Guid;
import org.tidemark.ploop.chain.SnapshotOperations;
import org.tidemark.ploop.chain.SnapshotOperations.Snapshot;

/** The ploop tool's verbs for snapshots. */
final class PloopSnapshotVerbs {
    private static final int UUID_WIDTH = 38;
    private static final int NAME_WIDTH = 32;
    private static final String USUAL_COLUMNS = "parent_uuid,current,uuid,fname";

    private final PrintWriter out;
    private final Snapshots snapshots = SnapshotCommand.snapshots();

    PloopSnapshotVerbs(PrintWriter out) {
        this.out = out;
    }

    /** The image whose descriptor a script names. */
    static Path imageOf(String descriptor) throws IOException {
        Path path = Path.of(descriptor);
        if (!Files.exists(path)) {
            throw new NoSuchFileException(descriptor, null, "no such file: Can't resolve " + descriptor);
        }
        Path parent = path.toAbsolutePath().getParent();
        return descriptor.endsWith(".xml") && parent != null ? parent : path;
    }

    private static UUID uuid(PloopWords words, String usage) throws PloopException {
        String text = words.value('u').orElseThrow(() -> new PloopException(PloopException.PARAMETER, usage));
        return Guid.idOf(text)
                .orElseThrow(() -> new PloopException(PloopException.PARAMETER, "Incorrect uuid specified: " + text));
    }

    private boolean has(Path image, UUID uuid) throws IOException {
        return snapshots.list(image.toString()).stream()
                .anyMatch(one -> one.guid().equals(Guid.of(uuid)));
    }

    int create(List<String> rest) throws IOException {
        PloopWords words = PloopWords.parse("Fd:u:b:", Map.of(), rest);
        words.refuse("snapshot", "Fdb");
        Path image = imageOf(words.operand("Usage: ploop snapshot [-u UUID] DiskDescriptor.xml"));
        UUID name = words.has('u') ? uuid(words, "") : UUID.randomUUID();
        if (has(image, name)) {
            throw new PloopException(PloopException.PARAMETER, "The snapshot " + Guid.of(name) + " already exist");
        }
        Snapshots.Created made = snapshots.create(image.toString(), name);
        out.println("ploop snapshot " + made.guid() + " has been successfully created");
        return 0;
    }

    int delete(List<String> rest) throws IOException {
        PloopWords words = PloopWords.parse("u:", Map.of(), rest);
        String usage = "Usage: ploop snapshot-delete -u UUID DiskDescriptor.xml";
        UUID name = uuid(words, usage);
        Path image = imageOf(words.operand(usage));
        if (!has(image, name)) {
            throw new PloopException(PloopException.NO_SNAPSHOT, "Can't find snapshot by uuid " + Guid.of(name));
        }
        SnapshotOperations.Deleted outcome = snapshots.delete(image.toString(), Guid.of(name), ChainProgress.NONE);
        out.println(
                switch (outcome) {
                    case REMOVED -> "ploop snapshot " + Guid.of(name) + " has been successfully deleted";
                    case MERGED -> "ploop snapshot has been successfully merged";
                    case MARKED ->
                        "ploop snapshot " + Guid.of(name) + " has several children, marking it as temporary instead";
                });
        return 0;
    }

    int merge(List<String> rest) throws IOException {
        PloopWords words = PloopWords.parse("Au:U:n:", Map.of(), rest);
        words.refuse("snapshot-merge", "U");
        Path image =
                imageOf(words.operand("Usage: ploop snapshot-merge [-u UUID | -A] [-n NEW_DELTA] DiskDescriptor.xml"));
        String newName = "";
        if (words.has('n')) {
            newName = PloopFileVerbs.newFile(image, words.value('n').orElse(""));
            PloopFileVerbs.requireDetached(image, "snapshot-merge -n");
        }
        String guid = words.has('u') && !words.has('A') ? Guid.of(uuid(words, "")) : Guid.TOP;
        if (words.has('A')) {
            snapshots.merge(image.toString(), null, ChainProgress.NONE);
        } else {
            boolean hasParent = snapshots.list(image.toString()).stream()
                    .anyMatch(
                            one -> one.guid().equals(guid) && !one.parentGuid().equals(Guid.NONE));
            if (!hasParent) {
                throw new PloopException(
                        PloopException.PARAMETER, "Can't find parent of uuid " + guid + " (is that a base image?)");
            }
            snapshots.merge(image.toString(), guid, ChainProgress.NONE);
        }
        if (!newName.isEmpty()) {
            FileReplacement.rename(AttachedImage.filesOf(image), guid, newName);
        }
        out.println("ploop snapshot has been successfully merged");
        return 0;
    }

    int switchTo(List<String> rest) throws IOException {
        PloopWords words = PloopWords.parse("u:", Map.of(), rest);
        String usage = "Usage: ploop snapshot-switch -u UUID DiskDescriptor.xml";
        UUID name = uuid(words, usage);
        Path image = imageOf(words.operand(usage));
        if (!has(image, name)) {
            throw new PloopException(PloopException.PARAMETER, "Can't find snapshot by uuid " + Guid.of(name));
        }
        snapshots.switchTo(image.toString(), Guid.of(name));
        out.println("ploop snapshot " + Guid.of(name) + " has been successfully switched");
        return 0;
    }

    int list(List<String> rest) throws IOException {
        PloopWords words =
                PloopWords.parse("Ho:su:", Map.of("no-header", 'H', "output", 'o', "snapshot", 's', "uuid", 'u'), rest);
        Path image = imageOf(words.operand(
                "Usage: ploop snapshot-list [-H] [-o field[,field...]] [-s] [-u <UUID>] DiskDescriptor.xml"));
        List<String> columns = List.of(words.value('o').orElse(USUAL_COLUMNS).split(","));
        for (String column : columns) {
            if (!List.of("parent_uuid", "current", "uuid", "fname").contains(column)) {
                throw new PloopException(PloopException.PARAMETER, "Unknown field: " + column);
            }
        }
        List<Snapshot> all = snapshots.list(image.toString());
        Optional<String> wanted = words.has('u') ? Optional.of(Guid.of(uuid(words, ""))) : Optional.empty();
        if (wanted.isPresent() && all.stream().noneMatch(one -> one.guid().equals(wanted.get()))) {
            throw new PloopException(1, "Can't find snapshot by uuid " + wanted.get());
        }
        if (!words.has('H')) {
            StringBuilder header = new StringBuilder();
            columns.forEach(
                    column -> header.append(pad(header(column), width(column))).append(' '));
            out.println(header);
        }
        String currentParent = all.stream()
                .filter(Snapshot::current)
                .map(Snapshot::parentGuid)
                .findFirst()
                .orElse(Guid.NONE);
        for (Snapshot one : all) {
            if ((words.has('s') && one.current())
                    || (wanted.isPresent() && !one.guid().equals(wanted.get()))) {
                continue;
            }
            boolean current = words.has('s') ? one.guid().equals(currentParent) : one.current();
            out.println(row(image, columns, one, current));
        }
        return 0;
    }

    private static String row(Path image, List<String> columns, Snapshot one, boolean current) {
        List<String> cells = new ArrayList<>();
        for (int i = 0; i < columns.size(); i++) {
            String text =
                    switch (columns.get(i)) {
                        case "parent_uuid" -> one.parentGuid();
                        case "uuid" -> one.guid();
                        case "current" -> current ? "*" : "";
                        default -> image.toAbsolutePath().resolve(one.file()).toString();
                    };
            cells.add(i + 1 == columns.size() ? text : pad(text, width(columns.get(i))));
        }
        return String.join(" ", cells);
    }

    private static String header(String column) {
        return column.equals("current") ? "C" : column.toUpperCase(java.util.Locale.ROOT);
    }

    private static int width(String column) {
        return switch (column) {
            case "current" -> 1;
            case "fname" -> NAME_WIDTH;
            default -> UUID_WIDTH;
        };
    }

    private static String pad(String text, int width) {
        return text + " ".repeat(Math.max(0, width - text.length()));
    }
}
