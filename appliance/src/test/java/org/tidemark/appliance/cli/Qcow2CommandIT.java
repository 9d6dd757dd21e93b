package org.tidemark.appliance.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;

/** qcow2 images from the command line: made, converted, backed up while attached, restored; qemu is the judge. */
@Requires({"root", "fuse", "loop", "qemu-img", "qemu-io"})
@Timeout(300)
class Qcow2CommandIT {
    private Cli cli;

    @BeforeEach
    void start() throws IOException {
        cli = Cli.start("qcow2-command-");
    }

    @AfterEach
    void stop() throws IOException {
        cli.close();
    }

    private void run(String... command) throws Exception {
        Commands.run(Cli.LIMIT, command);
    }

    private String file(String name) {
        return cli.path(name).toString();
    }

    @Test
    void convertedThroughEveryFormatItIsTheSame() throws Exception {
        run("qemu-img", "create", "-q", "-f", "qcow2", "-o", "cluster_size=4k", file("base.qcow2"), "64M");
        run("qemu-io", "-f", "qcow2", "-c", "write -q -P 5 1M 3M", file("base.qcow2"));
        run("qemu-img", "snapshot", "-c", "early", file("base.qcow2"));
        run("qemu-io", "-f", "qcow2", "-c", "write -q -P 8 2M 1M", file("base.qcow2"));
        run("qemu-img", "create", "-q", "-f", "qcow2", "-b", "base.qcow2", "-F", "qcow2", file("top.qcow2"));
        run("qemu-io", "-f", "qcow2", "-c", "write -q -P 6 9M 1M", "-c", "write -q -z 3M 1M", file("top.qcow2"));
        assertThat(cli.ok("image", "info", file("base.qcow2"), "--json").out()).contains("early");
        cli.ok("image", "convert", file("top.qcow2"), file("expanded"), "--to", "expanded");
        cli.ok("image", "convert", file("expanded"), file("flat.qcow2"), "--to", "qcow2");
        cli.ok("image", "convert", file("flat.qcow2"), file("flat.raw"), "--to", "raw");
        run("qemu-img", "check", "-q", file("flat.qcow2"));
        run("qemu-img", "compare", "-F", "raw", file("top.qcow2"), file("flat.raw"));
        cli.ok("image", "convert", file("base.qcow2"), file("early.raw"), "--to", "raw", "--snapshot", "early");
        run("qemu-img", "convert", "-l", "early", "-O", "raw", file("base.qcow2"), file("early-too.raw"));
        run("cmp", file("early.raw"), file("early-too.raw"));
        assertThat(cli.ok("image", "check", file("flat.qcow2"), "--json").jsonRows())
                .isEmpty();
    }

    @Test
    void anAttachedImageIsBackedUpAndRestored() throws Exception {
        Path image = cli.path("disk.qcow2");
        cli.ok("image", "create", image.toString(), "--size", "64M", "--format", "qcow2", "--no-partition");
        String block = cli.attach(image, "--name", "d");
        Cli.random(block, 0, 16);
        cli.protect("c", image, cli.path("target"));
        cli.ok("backup", "c");
        Cli.random(block, 20, 4);
        cli.ok("backup", "c");
        cli.ok("restore", "c", "--at", "latest", "--to", file("restored.qcow2"));
        cli.ok("restore", "c", "--at", "latest", "--to", file("restored"), "--format", "expanded");
        cli.ok("detach", "d");
        run("qemu-img", "check", "-q", file("restored.qcow2"));
        run("qemu-img", "check", "-q", image.toString());
        run("qemu-img", "compare", "-f", "qcow2", "-F", "qcow2", image.toString(), file("restored.qcow2"));
        cli.ok("image", "clone", image.toString(), file("clone.qcow2"));
        run("qemu-img", "compare", "-f", "qcow2", "-F", "qcow2", file("clone.qcow2"), file("restored.qcow2"));
    }
}
