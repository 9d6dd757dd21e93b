package org.tidemark.ploop.server;

import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.tidemark.ploop.os.NativeFile;

/**
 * Open descriptors by device and name. It owns them: what it closes is gone from this process. Safe for several threads;
 * the lock is held while a descriptor is handed on, so that it cannot be closed meanwhile.
 */
final class KeptDescriptors implements Closeable {
    private final Map<String, Map<String, NativeFile>> devices = new TreeMap<>();

    /** What is done with the descriptors of one device while they cannot change. */
    interface Use {
        void with(List<String> names, List<NativeFile> descriptors) throws IOException;
    }

    /** Takes ownership; a descriptor under the same name before is closed. */
    synchronized void keep(String device, String name, NativeFile descriptor) throws IOException {
        NativeFile before =
                devices.computeIfAbsent(device, key -> new LinkedHashMap<>()).put(name, descriptor);
        if (before != null) {
            before.close();
        }
    }

    /** Whether this very open file is kept under the name already. */
    synchronized boolean has(String device, String name, NativeFile descriptor) {
        NativeFile before = devices.getOrDefault(device, Map.of()).get(name);
        return before != null && before.isSameOpenFile(descriptor);
    }

    synchronized void drop(String device, String name) throws IOException {
        Map<String, NativeFile> named = devices.get(device);
        NativeFile before = named == null ? null : named.remove(name);
        if (named != null && named.isEmpty()) {
            devices.remove(device);
        }
        if (before != null) {
            before.close();
        }
    }

    synchronized void drop(String device) throws IOException {
        Map<String, NativeFile> named = devices.remove(device);
        if (named != null) {
            for (NativeFile descriptor : named.values()) {
                descriptor.close();
            }
        }
    }

    synchronized void use(String device, Use use) throws IOException {
        Map<String, NativeFile> named = devices.getOrDefault(device, Map.of());
        use.with(new ArrayList<>(named.keySet()), new ArrayList<>(named.values()));
    }

    synchronized List<String> devices() {
        return new ArrayList<>(devices.keySet());
    }

    synchronized boolean isEmpty() {
        return devices.isEmpty();
    }

    @Override
    public synchronized void close() throws IOException {
        for (String device : devices()) {
            drop(device);
        }
    }
}
