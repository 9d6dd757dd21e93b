package org.tidemark.appliance.config;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import org.jboss.logging.Logger;

/**
 * TLS by the certificate as it lies in its files now: a renewed one holds for the next connection. One that cannot be used,
 * perhaps because only half of the pair was replaced so far, does not end the service: the one before goes on.
 */
final class RenewedTls implements Supplier<SSLContext> {
    private static final Logger LOG = Logger.getLogger(RenewedTls.class);

    /** Reads the files. */
    interface Reading {
        SSLContext read() throws IOException;
    }

    private final List<Path> files;
    private final Reading reading;
    /** Guarded by this, as the other. */
    private SSLContext context;

    private String stamp;

    RenewedTls(List<Path> files, Reading reading) throws IOException {
        this.files = List.copyOf(files);
        this.reading = reading;
        this.stamp = stamp();
        this.context = reading.read();
    }

    @Override
    public synchronized SSLContext get() {
        String now = stamp();
        if (!now.equals(stamp)) {
            stamp = now;
            try {
                context = reading.read();
                LOG.infof("NBD exports have the certificate of %s from now on", files);
            } catch (IOException e) {
                LOG.warnf("the new certificate is not used, the one before is: %s", e.getMessage());
            }
        }
        return context;
    }

    private String stamp() {
        StringBuilder all = new StringBuilder();
        for (Path file : files) {
            try {
                all.append(Files.getLastModifiedTime(file)).append(' ').append(Files.size(file));
            } catch (IOException e) {
                all.append("none");
            }
            all.append('\n');
        }
        return all.toString();
    }
}
