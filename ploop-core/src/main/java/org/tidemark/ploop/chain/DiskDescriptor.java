package org.tidemark.ploop.chain;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.expanded.DiskChs;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.format.raw.RawFormat;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.w3c.dom.Document;
import org.w3c.dom.Element;

/**
 * {@code DiskDescriptor.xml}: which files make up an image, and how its snapshots descend from each other.
 *
 * <p>The document itself is kept, so that what this version does not know survives a rewriting. Not thread-safe; an
 * operation reads, changes and stores its own.
 */
public final class DiskDescriptor {
    public static final String FILE_NAME = "DiskDescriptor.xml";
    private static final int MAX_IMAGES = 512;
    private static final String TEMPORARY_NAME = FILE_NAME + ".tmp";
    private static final Set<String> ROOT_NAMES = Set.of("Parallels_disk_image", "Virtuozzo_disk_image");
    private static final String TYPE_EXPANDED = "Compressed";
    private static final String TYPE_RAW = "Plain";

    private final String name;
    private final Document document;
    private final DeltaGeometry geometry;
    private List<Image> images = List.of();
    private List<Shot> shots = List.of();
    private final Map<String, Image> imagesByGuid = new HashMap<>();
    private final Map<String, Shot> shotsByGuid = new HashMap<>();
    private String topGuid = Guid.TOP;

    private DiskDescriptor(String name, Document document) throws ImageException {
        this.name = name;
        this.document = document;
        requireSupported();
        this.geometry = readGeometry();
        readTree();
    }

    /**
     * One file.
     *
     * @param file as it stands in the descriptor: relative to the descriptor's folder, or absolute
     * @param formatId {@code expanded} or {@code raw}
     */
    public record Image(String guid, String formatId, String file) {}

    /** One level: its own name, and its parent's or {@link Guid#NONE}. */
    public record Shot(String guid, String parentGuid, boolean temporary) {}

    /** Reads {@code DiskDescriptor.xml} in a folder. */
    public static DiskDescriptor read(ImageDirectory directory) throws IOException {
        String name = directory.name() + "/" + FILE_NAME;
        try (ImageIo io = directory.open(FILE_NAME, OpenMode.READ_ONLY)) {
            long size = io.size();
            if (size > XmlText.MAX_BYTES) {
                throw damaged(name, size + " bytes are too many for a descriptor");
            }
            AlignedBuffer buffer = AlignedBuffer.allocate((int) Math.max(size, 1));
            io.read(0, buffer, 0, (int) size);
            byte[] text = new byte[(int) size];
            buffer.bytes().get(0, text);
            return parse(name, text);
        }
    }

    /** Parses and validates; {@code name} is for messages. */
    public static DiskDescriptor parse(String name, byte[] text) throws ImageException {
        return new DiskDescriptor(name, XmlText.parse(name, text));
    }

    /** The descriptor of a new image of one expanded file, as {@code ploop init} writes it. */
    public static DiskDescriptor fresh(String name, DeltaGeometry geometry, String file) throws ImageException {
        return fresh(name, geometry, file, false);
    }

    /** The same for an image whose file has all its room from the beginning. */
    static DiskDescriptor fresh(String name, DeltaGeometry geometry, String file, boolean preallocated)
            throws ImageException {
        return ofChain(name, geometry, List.of(new Image(Guid.TOP, ExpandedFormat.ID, file)), preallocated);
    }

    /** The descriptor of an image whose levels are {@code chain}, base first, each the only child of the one before. */
    public static DiskDescriptor ofChain(String name, DeltaGeometry geometry, List<Image> chain) throws ImageException {
        return ofChain(name, geometry, chain, false);
    }

    private static DiskDescriptor ofChain(String name, DeltaGeometry geometry, List<Image> chain, boolean preallocated)
            throws ImageException {
        long diskSectors = geometry.diskSizeBytes() / DeltaGeometry.SECTOR_BYTES;
        DiskChs chs = DiskChs.of(diskSectors);
        Document document =
                XmlText.parse(name, "<Parallels_disk_image/>".getBytes(java.nio.charset.StandardCharsets.UTF_8));
        Element root = document.getDocumentElement();
        Element parameters = XmlText.append(root, "Disk_Parameters");
        XmlText.append(parameters, "Disk_size", Long.toString(diskSectors));
        XmlText.append(parameters, "Cylinders", Long.toString(chs.cylinders()));
        XmlText.append(parameters, "Heads", Integer.toString(chs.heads()));
        XmlText.append(parameters, "Sectors", Integer.toString(chs.sectors()));
        XmlText.append(parameters, "Padding", "0");
        Element storage = XmlText.append(XmlText.append(root, "StorageData"), "Storage");
        XmlText.append(storage, "Start", "0");
        XmlText.append(storage, "End", Long.toString(diskSectors));
        XmlText.append(
                storage, "Blocksize", Integer.toString(geometry.clusterSizeBytes() / DeltaGeometry.SECTOR_BYTES));
        if (preallocated) {
            XmlText.append(storage, "Preallocated", "1");
        }
        Element snapshots = XmlText.append(root, "Snapshots");
        XmlText.append(snapshots, "TopGUID", chain.get(chain.size() - 1).guid());
        String parent = Guid.NONE;
        for (Image image : chain) {
            appendImage(storage, image);
            appendShot(snapshots, image.guid(), parent);
            parent = image.guid();
        }
        return new DiskDescriptor(name, document);
    }

    static void appendImage(Element storage, Image image) {
        Element element = XmlText.append(storage, "Image");
        XmlText.append(element, "GUID", image.guid());
        XmlText.append(element, "Type", typeOf(image));
        XmlText.append(element, "File", image.file());
    }

    /** What a descriptor calls the format of a file. */
    static String typeOf(Image image) {
        return image.formatId().equals(RawFormat.ID) ? TYPE_RAW : TYPE_EXPANDED;
    }

    static void appendShot(Element snapshots, String guid, String parentGuid) {
        Element shot = XmlText.append(snapshots, "Shot");
        XmlText.append(shot, "GUID", guid);
        XmlText.append(shot, "ParentGUID", parentGuid);
    }

    public DeltaGeometry geometry() {
        return geometry;
    }

    public List<Image> images() {
        return images;
    }

    public List<Shot> shots() {
        return shots;
    }

    /** The level that is written to. */
    public String topGuid() {
        return topGuid;
    }

    /** The files from the base to the level {@code guid}. */
    public List<Image> pathTo(String guid) throws ImageException {
        List<Image> path = new ArrayList<>();
        String at = Guid.normalise(guid);
        while (!at.equals(Guid.NONE)) {
            if (path.size() > shots.size()) {
                throw damaged(name, "the snapshots descend from each other in a circle, at " + at);
            }
            path.add(image(at));
            at = shot(at).parentGuid();
        }
        Collections.reverse(path);
        return path;
    }

    private Shot shot(String guid) throws ImageException {
        Shot shot = shotsByGuid.get(guid);
        if (shot == null) {
            throw damaged(name, "no snapshot " + guid);
        }
        return shot;
    }

    private Image image(String guid) throws ImageException {
        Image image = imagesByGuid.get(guid);
        if (image == null) {
            throw damaged(name, "no file for the snapshot " + guid);
        }
        return image;
    }

    /** The same, with the top frozen under the name {@code snapshotGuid} and a new, empty top in {@code newTopFile}. */
    public DiskDescriptor withSnapshot(String snapshotGuid, String newTopFile) throws ImageException {
        return new DescriptorEdit(this).snapshot(snapshotGuid, newTopFile);
    }

    /** The levels that descend directly from {@code guid}. */
    public List<Shot> childrenOf(String guid) {
        return shots.stream().filter(shot -> shot.parentGuid().equals(guid)).toList();
    }

    /** The level of that name. Throws INVALID_REQUEST when there is none. */
    public Shot requireShot(String guid) throws ImageException {
        Shot shot = shotsByGuid.get(Guid.normalise(guid));
        if (shot == null) {
            throw new ImageException(
                    ImageException.Kind.INVALID_REQUEST,
                    name + ": there is no snapshot " + guid + "; 'tidemark snapshot list' shows those there are");
        }
        return shot;
    }

    /** The file of a level. */
    public Image imageOf(Shot shot) throws ImageException {
        return image(shot.guid());
    }

    /** The same, with a level marked as about to go ({@code Temporary}): every tool merges it when it can. */
    DiskDescriptor withTemporary(String guid) throws ImageException {
        return new DescriptorEdit(this).temporary(guid);
    }

    /** The same with a disk of another size. */
    DiskDescriptor withDiskSize(long diskSizeBytes) throws ImageException {
        return new DescriptorEdit(this).diskSize(diskSizeBytes);
    }

    /** The same without a level from which none descends. */
    DiskDescriptor withoutLeaf(String guid) throws ImageException {
        return new DescriptorEdit(this).withoutLeaf(guid);
    }

    /**
     * The same without the level {@code removed}: its only child lives in its file from now on, and descends from its
     * parent.
     */
    DiskDescriptor withMerged(String removed, String child) throws ImageException {
        return new DescriptorEdit(this).merged(removed, child);
    }

    /** The same with another file for a level. */
    DiskDescriptor withFile(String guid, String file) throws ImageException {
        return new DescriptorEdit(this).file(guid, file);
    }

    /** The same with another file, perhaps of another format, for the only level; it may have all its room already. */
    DiskDescriptor withContent(Image now, boolean preallocated) throws ImageException {
        return new DescriptorEdit(this).content(now.guid(), now, preallocated);
    }

    /** The same with a new, empty top in {@code newTopFile}, which descends from {@code guid}; the old top is gone. */
    DiskDescriptor withTopAt(String guid, String newTopFile) throws ImageException {
        return new DescriptorEdit(this).topAt(guid, newTopFile);
    }

    /** What messages call it. */
    String name() {
        return name;
    }

    public byte[] serialise() throws ImageException {
        return XmlText.serialise(name, document);
    }

    /** Replaces the descriptor in the folder; durable on return, and after a crash it is the old one or this one. */
    public void store(ImageDirectory directory) throws IOException {
        if (directory.exists(TEMPORARY_NAME)) {
            directory.delete(TEMPORARY_NAME);
        }
        byte[] text = serialise();
        AlignedBuffer buffer = AlignedBuffer.allocate(text.length);
        buffer.bytes().put(0, text);
        try (ImageIo io = directory.create(TEMPORARY_NAME)) {
            io.write(0, buffer, 0, text.length);
            io.flush();
        }
        directory.rename(TEMPORARY_NAME, FILE_NAME);
        directory.sync();
    }

    private void requireSupported() throws ImageException {
        Element root = document.getDocumentElement();
        if (!ROOT_NAMES.contains(root.getNodeName())) {
            throw new ImageException(
                    ImageException.Kind.NOT_AN_IMAGE,
                    name + ": is no disk descriptor, its root is '" + root.getNodeName() + "'");
        }
        Element encryption = XmlText.child(required(root, "Disk_Parameters"), "Encryption");
        if (encryption != null && !encryption.getTextContent().isBlank()) {
            throw unsupported(name, "the image is encrypted, which is not supported");
        }
        Element storageData = required(root, "StorageData");
        if (XmlText.child(storageData, "Volume") != null) {
            throw unsupported(
                    name, "the image belongs to a ploop volume with a parent elsewhere, which is not supported");
        }
        if (XmlText.children(storageData, "Storage").size() != 1) {
            throw unsupported(
                    name,
                    "the disk is split into "
                            + XmlText.children(storageData, "Storage").size() + " storages; exactly one is supported");
        }
    }

    private DeltaGeometry readGeometry() throws ImageException {
        Element root = document.getDocumentElement();
        Element storage = required(required(root, "StorageData"), "Storage");
        long diskSectors = number(required(required(root, "Disk_Parameters"), "Disk_size"), Long.MAX_VALUE / 512);
        long clusterSectors = number(required(storage, "Blocksize"), 131_072);
        Element end = XmlText.child(storage, "End");
        if (end != null && number(end, Long.MAX_VALUE / 512) != diskSectors) {
            throw damaged(name, "Disk_size says " + diskSectors + " sectors, End says " + end.getTextContent());
        }
        return new DeltaGeometry(
                diskSectors * DeltaGeometry.SECTOR_BYTES, (int) clusterSectors * DeltaGeometry.SECTOR_BYTES);
    }

    private void readTree() throws ImageException {
        Element root = document.getDocumentElement();
        Element storage = required(required(root, "StorageData"), "Storage");
        List<Image> foundImages = new ArrayList<>();
        for (Element element : XmlText.children(storage, "Image")) {
            foundImages.add(new Image(guid(element, "GUID"), formatId(element), file(element)));
        }
        images = List.copyOf(foundImages);
        Element snapshots = XmlText.child(root, "Snapshots");
        List<Shot> foundShots = new ArrayList<>();
        if (snapshots != null) {
            for (Element element : XmlText.children(snapshots, "Shot")) {
                boolean temporary = XmlText.child(element, "Temporary") != null;
                foundShots.add(new Shot(guid(element, "GUID"), guid(element, "ParentGUID"), temporary));
            }
            if (XmlText.child(snapshots, "TopGUID") != null) {
                topGuid = guid(snapshots, "TopGUID");
            }
        }
        if (foundShots.isEmpty() && images.size() == 1) {
            topGuid = images.get(0).guid();
            foundShots.add(new Shot(topGuid, Guid.NONE, false));
        }
        shots = List.copyOf(foundShots);
        requireTree();
    }

    private void requireTree() throws ImageException {
        if (images.isEmpty() || images.size() != shots.size()) {
            throw damaged(name, images.size() + " files for " + shots.size() + " snapshots");
        }
        if (images.size() > MAX_IMAGES) {
            throw unsupported(name, images.size() + " files are more than the " + MAX_IMAGES + " that are supported");
        }
        Set<String> files = new HashSet<>();
        for (Image image : images) {
            if (imagesByGuid.put(image.guid(), image) != null || !files.add(image.file())) {
                throw damaged(name, "names " + image.guid() + " or " + image.file() + " twice");
            }
        }
        for (Shot shot : shots) {
            if (shot.guid().equals(Guid.NONE)) {
                throw damaged(name, "gives a snapshot the name that means none");
            }
            if (shotsByGuid.put(shot.guid(), shot) != null) {
                throw damaged(name, "names the snapshot " + shot.guid() + " twice");
            }
        }
        for (Shot shot : shots) {
            List<Image> path = pathTo(shot.guid());
            for (Image above : path.subList(1, path.size())) {
                if (above.formatId().equals(RawFormat.ID)) {
                    throw unsupported(name, above.file() + " is raw and has a parent; only the base can be raw");
                }
            }
        }
        shot(topGuid);
    }

    private String guid(Element parent, String child) throws ImageException {
        String text = Guid.normalise(required(parent, child).getTextContent());
        if (!Guid.isGuid(text)) {
            throw damaged(name, "'" + text + "' in " + child + " is no GUID");
        }
        return text;
    }

    private String formatId(Element image) throws ImageException {
        String type = required(image, "Type").getTextContent().trim();
        return switch (type) {
            case TYPE_EXPANDED -> ExpandedFormat.ID;
            case TYPE_RAW -> RawFormat.ID;
            default -> throw unsupported(name, "images of type '" + type + "' are not supported");
        };
    }

    private String file(Element image) throws ImageException {
        String file = required(image, "File").getTextContent().trim();
        if (file.isEmpty() || file.endsWith("/") || file.indexOf('\0') >= 0) {
            throw damaged(name, "'" + file + "' is no file");
        }
        return file;
    }

    private long number(Element element, long max) throws ImageException {
        String text = element.getTextContent().trim();
        try {
            long value = Long.parseLong(text);
            if (value > 0 && value <= max) {
                return value;
            }
        } catch (NumberFormatException e) {
            throw new ImageException(
                    ImageException.Kind.DAMAGED,
                    name + ": '" + text + "' in " + element.getNodeName() + " is no number",
                    e);
        }
        throw damaged(name, text + " in " + element.getNodeName() + " is not between 1 and " + max);
    }

    private Element required(Element parent, String child) throws ImageException {
        @Nullable Element element = XmlText.child(parent, child);
        if (element == null) {
            throw damaged(name, "has no " + child + " in " + parent.getNodeName());
        }
        return element;
    }

    private static ImageException damaged(String name, String what) {
        return new ImageException(ImageException.Kind.DAMAGED, name + ": " + what);
    }

    private static ImageException unsupported(String name, String what) {
        return new ImageException(ImageException.Kind.UNSUPPORTED, name + ": " + what);
    }
}
