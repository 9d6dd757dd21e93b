package org.tidemark.ploop.server;

import java.io.IOException;
import java.util.Optional;
import org.tidemark.ploop.os.NativeFile;

/**
 * Keeps descriptors of one device open across the death of this process, above all those that carry the locks of its images:
 * a successor cannot lock a file again that its predecessor's descriptor, kept alive, still locks. It must go on with the
 * kept one.
 */
public interface DescriptorKeeper {
    /** A duplicate of what a predecessor gave under {@code name}; the caller owns it. It is still kept. */
    Optional<NativeFile> take(String name) throws IOException;

    /** A duplicate of {@code descriptor} is in safe hands on return. A name given before is replaced. */
    void keep(String name, NativeFile descriptor) throws IOException;

    /** Lets go of the duplicate. */
    void forget(String name) throws IOException;
}
