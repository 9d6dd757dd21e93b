package org.tidemark.ploop.chain;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import javax.xml.XMLConstants;
import javax.xml.parsers.DocumentBuilder;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import javax.xml.transform.OutputKeys;
import javax.xml.transform.Transformer;
import javax.xml.transform.TransformerException;
import javax.xml.transform.TransformerFactory;
import javax.xml.transform.dom.DOMSource;
import javax.xml.transform.stream.StreamResult;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.io.ImageException;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.xml.sax.ErrorHandler;
import org.xml.sax.SAXException;
import org.xml.sax.SAXParseException;

/** XML that comes from outside: no document types, no entities, nothing fetched, bounded size and depth. */
final class XmlText {
    static final int MAX_BYTES = 1 << 20;
    private static final int MAX_DEPTH = 32;

    private static final Object LOCK = new Object();
    private static @Nullable DocumentBuilderFactory parsers;
    private static @Nullable TransformerFactory transformers;

    private XmlText() {}

    static Document parse(String name, byte[] text) throws ImageException {
        try {
            DocumentBuilder builder = builder();
            builder.setErrorHandler(new Silent());
            Document document = builder.parse(new ByteArrayInputStream(text));
            removeLayout(document.getDocumentElement());
            return document;
        } catch (SAXException e) {
            throw new ImageException(
                    ImageException.Kind.DAMAGED, name + ": is not readable as XML: " + e.getMessage(), e);
        } catch (IOException | ParserConfigurationException e) {
            throw new ImageException(ImageException.Kind.DAMAGED, name + ": cannot be parsed: " + e.getMessage(), e);
        }
    }

    /** Finding and setting up the parser takes longer than parsing. Neither factory is safe for several threads. */
    private static DocumentBuilder builder() throws ParserConfigurationException {
        synchronized (LOCK) {
            DocumentBuilderFactory known = parsers;
            if (known == null) {
                known = newParsers();
                parsers = known;
            }
            return known.newDocumentBuilder();
        }
    }

    private static DocumentBuilderFactory newParsers() throws ParserConfigurationException {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setFeature(XMLConstants.FEATURE_SECURE_PROCESSING, true);
        factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
        factory.setFeature("http://xml.org/sax/features/external-general-entities", false);
        factory.setFeature("http://xml.org/sax/features/external-parameter-entities", false);
        factory.setAttribute(XMLConstants.ACCESS_EXTERNAL_DTD, "");
        factory.setAttribute(XMLConstants.ACCESS_EXTERNAL_SCHEMA, "");
        factory.setAttribute("jdk.xml.maxElementDepth", Integer.toString(MAX_DEPTH));
        factory.setXIncludeAware(false);
        factory.setExpandEntityReferences(false);
        return factory;
    }

    private static Transformer transformer() throws TransformerException {
        synchronized (LOCK) {
            TransformerFactory known = transformers;
            if (known == null) {
                known = TransformerFactory.newInstance();
                known.setFeature(XMLConstants.FEATURE_SECURE_PROCESSING, true);
                transformers = known;
            }
            return known.newTransformer();
        }
    }

    /** White space between elements would pile up with every rewriting. */
    private static void removeLayout(Element element) {
        boolean hasElements = !children(element, null).isEmpty();
        for (Node node = element.getFirstChild(); node != null; ) {
            Node next = node.getNextSibling();
            if (node instanceof Element) {
                removeLayout((Element) node);
            } else if (hasElements
                    && node.getNodeType() == Node.TEXT_NODE
                    && node.getTextContent().isBlank()) {
                element.removeChild(node);
            }
            node = next;
        }
    }

    /**
     * The text of a document. {@link ImageException} of kind UNSUPPORTED for one that was read and cannot be written again, as
     * one with an attribute {@code a:b} whose prefix is not declared: to read it, it is a name like any other.
     */
    static byte[] serialise(String name, Document document) throws ImageException {
        try {
            Transformer transformer = transformer();
            transformer.setOutputProperty(OutputKeys.INDENT, "yes");
            transformer.setOutputProperty("{http://xml.apache.org/xslt}indent-amount", "2");
            document.setXmlStandalone(true);
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            transformer.transform(new DOMSource(document), new StreamResult(bytes));
            return bytes.toByteArray();
        } catch (TransformerException e) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    name + ": holds something that cannot be written again as it was, so it is not changed: "
                            + e.getMessage(),
                    e);
        }
    }

    /** The child elements of that name, or all when it is null. */
    static List<Element> children(Element parent, @Nullable String name) {
        List<Element> found = new ArrayList<>();
        for (Node node = parent.getFirstChild(); node != null; node = node.getNextSibling()) {
            if (node instanceof Element && (name == null || node.getNodeName().equals(name))) {
                found.add((Element) node);
            }
        }
        return found;
    }

    static @Nullable Element child(Element parent, String name) {
        List<Element> found = children(parent, name);
        return found.isEmpty() ? null : found.get(0);
    }

    static Element append(Element parent, String name) {
        Element element = parent.getOwnerDocument().createElement(name);
        parent.appendChild(element);
        return element;
    }

    static void append(Element parent, String name, String text) {
        append(parent, name).setTextContent(text);
    }

    /** The parser would print to the standard error stream otherwise. */
    private static final class Silent implements ErrorHandler {
        @Override
        public void warning(SAXParseException exception) {
            // A warning changes nothing.
        }

        @Override
        public void error(SAXParseException exception) throws SAXException {
            throw exception;
        }

        @Override
        public void fatalError(SAXParseException exception) throws SAXException {
            throw exception;
        }
    }
}
