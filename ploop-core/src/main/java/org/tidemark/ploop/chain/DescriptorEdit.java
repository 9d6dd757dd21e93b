package org.tidemark.ploop.chain;

import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.chain.DiskDescriptor.Image;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.expanded.DiskChs;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.io.ImageException;
import org.w3c.dom.Document;
import org.w3c.dom.Element;

/**
 * One change of a descriptor's text: everything in it that the change does not concern, known or not, stays as it is. The
 * descriptor itself stays too; the outcome is read again from its text, so that nothing comes out that would be refused.
 */
final class DescriptorEdit {
    private final DiskDescriptor before;
    private final Document document;
    private final Element root;

    DescriptorEdit(DiskDescriptor before) throws ImageException {
        this.before = before;
        this.document = XmlText.parse(before.name(), before.serialise());
        this.root = document.getDocumentElement();
    }

    private DiskDescriptor done() throws ImageException {
        return DiskDescriptor.parse(before.name(), XmlText.serialise(before.name(), document));
    }

    DiskDescriptor snapshot(String snapshotGuid, String newTopFile) throws ImageException {
        for (Element image : XmlText.children(storage(), "Image")) {
            renameIn(image, before.topGuid(), snapshotGuid);
        }
        DiskDescriptor.appendImage(storage(), new Image(Guid.TOP, ExpandedFormat.ID, newTopFile));
        Element snapshots = XmlText.child(root, "Snapshots");
        if (snapshots == null) {
            snapshots = XmlText.append(root, "Snapshots");
        }
        if (XmlText.children(snapshots, "Shot").isEmpty()) {
            DiskDescriptor.appendShot(snapshots, before.topGuid(), Guid.NONE);
        }
        for (Element shot : XmlText.children(snapshots, "Shot")) {
            renameIn(shot, before.topGuid(), snapshotGuid);
        }
        Element top = XmlText.child(snapshots, "TopGUID");
        if (top == null) {
            top = document.createElement("TopGUID");
            snapshots.insertBefore(top, snapshots.getFirstChild());
        }
        top.setTextContent(Guid.TOP);
        DiskDescriptor.appendShot(snapshots, Guid.TOP, snapshotGuid);
        return done();
    }

    DiskDescriptor temporary(String guid) throws ImageException {
        Element shot = shot(guid);
        if (XmlText.child(shot, "Temporary") == null) {
            XmlText.append(shot, "Temporary");
        }
        return done();
    }

    DiskDescriptor diskSize(long diskSizeBytes) throws ImageException {
        Element parameters = required(root, "Disk_Parameters");
        long sectors = diskSizeBytes / DeltaGeometry.SECTOR_BYTES;
        DiskChs chs = DiskChs.of(sectors);
        setNumber(parameters, "Disk_size", sectors);
        setNumber(parameters, "Cylinders", chs.cylinders());
        setNumber(parameters, "Heads", chs.heads());
        setNumber(parameters, "Sectors", chs.sectors());
        setNumber(storage(), "End", sectors);
        return done();
    }

    DiskDescriptor withoutLeaf(String guid) throws ImageException {
        remove(image(guid));
        remove(shot(guid));
        return done();
    }

    DiskDescriptor merged(String removed, String child) throws ImageException {
        String parent = before.requireShot(removed).parentGuid();
        remove(image(child));
        required(image(removed), "GUID").setTextContent(child);
        remove(shot(removed));
        required(shot(child), "ParentGUID").setTextContent(parent);
        return done();
    }

    DiskDescriptor file(String guid, String file) throws ImageException {
        required(image(guid), "File").setTextContent(file);
        return done();
    }

    DiskDescriptor content(String guid, Image now, boolean preallocated) throws ImageException {
        Element old = image(guid);
        required(old, "Type").setTextContent(DiskDescriptor.typeOf(now));
        required(old, "File").setTextContent(now.file());
        Element mark = XmlText.child(storage(), "Preallocated");
        if (mark != null) {
            remove(mark);
        }
        if (preallocated) {
            Element added = document.createElement("Preallocated");
            added.setTextContent("1");
            storage().insertBefore(added, old);
        }
        return done();
    }

    DiskDescriptor topAt(String guid, String newTopFile) throws ImageException {
        remove(image(before.topGuid()));
        DiskDescriptor.appendImage(storage(), new Image(before.topGuid(), ExpandedFormat.ID, newTopFile));
        required(shot(before.topGuid()), "ParentGUID").setTextContent(guid);
        return done();
    }

    private Element storage() throws ImageException {
        return required(required(root, "StorageData"), "Storage");
    }

    private Element image(String guid) throws ImageException {
        return elementOf(storage(), "Image", guid);
    }

    private Element shot(String guid) throws ImageException {
        Element snapshots = XmlText.child(root, "Snapshots");
        if (snapshots == null || XmlText.children(snapshots, "Shot").isEmpty()) {
            throw damaged("lists no snapshots");
        }
        return elementOf(snapshots, "Shot", guid);
    }

    private Element elementOf(Element parent, String child, String guid) throws ImageException {
        for (Element element : XmlText.children(parent, child)) {
            if (Guid.normalise(required(element, "GUID").getTextContent()).equals(guid)) {
                return element;
            }
        }
        throw damaged("no " + child + " for " + guid);
    }

    private Element required(Element parent, String child) throws ImageException {
        @Nullable Element element = XmlText.child(parent, child);
        if (element == null) {
            throw damaged("has no " + child + " in " + parent.getNodeName());
        }
        return element;
    }

    private ImageException damaged(String what) {
        return new ImageException(ImageException.Kind.DAMAGED, before.name() + ": " + what);
    }

    private static void remove(Element element) {
        element.getParentNode().removeChild(element);
    }

    private static void setNumber(Element parent, String tag, long number) {
        Element element = XmlText.child(parent, tag);
        if (element != null) {
            element.setTextContent(Long.toString(number));
        }
    }

    private static void renameIn(Element parent, String from, String to) {
        Element element = XmlText.child(parent, "GUID");
        if (element != null && Guid.normalise(element.getTextContent()).equals(from)) {
            element.setTextContent(to);
        }
    }
}
