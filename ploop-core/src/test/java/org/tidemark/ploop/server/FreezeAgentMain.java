package org.tidemark.ploop.server;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import org.tidemark.ploop.os.FileSystemFreeze;
import org.tidemark.ploop.os.NativeFile;

/** A program that freezes a file system under the holder's watch and never thaws it: {@code RUN MOUNT MILLIS}. */
public final class FreezeAgentMain {
    private FreezeAgentMain() {}

    public static void main(String[] arguments) throws IOException, InterruptedException {
        RunFolder run = RunFolder.at(Path.of(arguments[0]));
        Duration limit = Duration.ofMillis(Long.parseLong(arguments[2]));
        try (NativeFile folder =
                        NativeFile.open(Path.of(arguments[1]), NativeFile.READ_ONLY | NativeFile.DIRECTORY, 0);
                FreezeWatch watch = FreezeWatch.arm(run, folder, limit)) {
            FileSystemFreeze.freeze(folder);
            System.out.println("frozen under " + watch);
            System.out.flush();
            new CountDownLatch(1).await();
        }
    }
}
