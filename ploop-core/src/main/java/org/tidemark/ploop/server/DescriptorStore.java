package org.tidemark.ploop.server;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.os.NativeFile;
import org.tidemark.ploop.os.ServiceManager;

/**
 * The second keeper of the descriptors: the service manager. What the holder keeps lies there too, so that even the death of
 * holder and device server at once is only a pause. Without a service manager it does nothing. Safe for several threads.
 *
 * <p>A descriptor is stored as {@code DEVICE/NAME}, with {@code =} for the {@code :} that the manager forbids.
 */
final class DescriptorStore {
    private static final Logger LOG = System.getLogger(DescriptorStore.class.getName());

    private final @Nullable ServiceManager manager;
    private final Map<String, Set<String>> stored = new HashMap<>();

    private DescriptorStore(@Nullable ServiceManager manager) {
        this.manager = manager;
    }

    static DescriptorStore none() {
        return new DescriptorStore(null);
    }

    /**
     * Gives {@code kept} what an earlier holder stored.
     *
     * @param handedOver owned by this method
     */
    static DescriptorStore of(ServiceManager manager, List<ServiceManager.Kept> handedOver, KeptDescriptors kept)
            throws IOException {
        DescriptorStore store = new DescriptorStore(manager);
        for (ServiceManager.Kept one : handedOver) {
            store.adopt(one, kept);
        }
        return store;
    }

    private synchronized void adopt(ServiceManager.Kept one, KeptDescriptors kept) throws IOException {
        int slash = one.name().indexOf('/');
        if (slash < 0) {
            LOG.log(Level.WARNING, () -> "the service manager keeps a descriptor of no device: " + one.name());
            one.descriptor().close();
            return;
        }
        String device = one.name().substring(0, slash);
        String name = one.name().substring(slash + 1).replace('=', ':');
        kept.keep(device, name, one.descriptor());
        namesOf(device).add(name);
    }

    private Set<String> namesOf(String device) {
        return stored.computeIfAbsent(device, key -> new HashSet<>());
    }

    /**
     * In safe hands on return, unless the manager does not answer: then it is logged, and the holder alone keeps it. What was
     * stored under the name before goes first, because a manager takes no second name for one open file.
     */
    synchronized void keep(String device, String name, NativeFile descriptor) {
        if (manager == null) {
            return;
        }
        drop(device, name);
        try {
            manager.store(storedName(device, name), descriptor);
            namesOf(device).add(name);
        } catch (IOException e) {
            LOG.log(Level.ERROR, device + ": the service manager does not keep " + name, e);
        }
    }

    synchronized void drop(String device, String name) {
        Set<String> names = namesOf(device);
        if (names.remove(name)) {
            removeStored(device, name);
        }
        if (names.isEmpty()) {
            stored.remove(device);
        }
    }

    synchronized void drop(String device) {
        Set<String> names = stored.remove(device);
        if (names != null) {
            names.forEach(name -> removeStored(device, name));
        }
    }

    private void removeStored(String device, String name) {
        try {
            if (manager != null) {
                manager.remove(storedName(device, name));
            }
        } catch (IOException e) {
            LOG.log(Level.ERROR, device + ": the service manager still keeps " + name, e);
        }
    }

    private static String storedName(String device, String name) {
        return device + "/" + name.replace(':', '=');
    }
}
