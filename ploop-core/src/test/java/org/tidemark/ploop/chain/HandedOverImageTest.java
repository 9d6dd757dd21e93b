package org.tidemark.ploop.chain;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.tidemark.ploop.handover.HandOver;
import org.tidemark.ploop.handover.HandOverFile;
import org.tidemark.ploop.handover.HandOverRecord;
import org.tidemark.ploop.handover.Message;
import org.tidemark.ploop.handover.SharedRecord;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;

/** What stands beside an image that moves between hosts keeps everybody from writing to it where it is not. */
@Timeout(60)
class HandedOverImageTest {
    @TempDir
    Path here;

    @TempDir
    Path there;

    @BeforeEach
    void create() throws IOException {
        for (Path folder : List.of(here, there)) {
            ChainFiles.create(new VfsImageDirectory(folder), "root.hdd", 64L << 20, 1 << 20);
        }
    }

    private static ChainFiles files(Path folder) throws IOException {
        return ChainFiles.at(folder, VfsImageDirectory::new);
    }

    private static void isOpen(Path folder) throws IOException {
        ChainLocks.take(files(folder), true).close();
    }

    private static void isShut(Path folder, String why) throws IOException {
        assertThatThrownBy(() -> ChainLocks.take(files(folder), true))
                .isInstanceOfSatisfying(
                        ImageException.class, e -> assertThat(e.kind()).isEqualTo(ImageException.Kind.READ_ONLY))
                .hasMessageContaining(why);
        ChainLocks.take(files(folder), false).close();
    }

    private static HandOver side(Path... folders) throws IOException {
        List<HandOverFile> records = new java.util.ArrayList<>();
        for (Path folder : folders) {
            records.add(MovedImage.record(folder));
        }
        HandOver side = new HandOver(new SharedRecord(records));
        side.recover();
        return side;
    }

    @Test
    void exactlyOneOfTwoPlacesMayBeWrittenTo() throws IOException {
        isOpen(here);
        HandOver source = side(here);
        HandOver destination = side(there);
        source.found();
        Message ready = destination.receive(source.offer()).orElseThrow();
        isOpen(here);
        isShut(there, "on its way");
        source.receive(ready);
        source.stop();
        MovedImage.mark(here).set();
        isShut(here, "just now");
        Message commit = source.decide();
        MovedImage.mark(here).clear();
        isShut(here, "may use it already");
        Message taken = destination.receive(commit).orElseThrow();
        isOpen(there);
        source.receive(taken);
        isShut(here, "was handed over");
    }

    @Test
    void aRefusedOneIsShutThereAndOpenHere() throws IOException {
        HandOver source = side(here);
        HandOver destination = side(there);
        source.found();
        source.receive(destination.receive(source.offer()).orElseThrow());
        source.stop();
        Message commit = source.decide();
        destination.giveUpWaiting();
        source.receive(destination.receive(commit).orElseThrow());
        isOpen(here);
        isShut(there, "on its way");
    }

    /** None of several images can be written to alone. */
    @Test
    void imagesThatMoveTogetherAreShutTogether() throws IOException {
        HandOver both = side(here, there);
        both.found();
        isOpen(here);
        isOpen(there);
        both.receive(new Message(Message.Kind.READY, both.offer().attempt()));
        both.stop();
        both.decide();
        isShut(here, "may use it already");
        isShut(there, "may use it already");
        // A crash between the two: the first one counts, and the other follows.
        MovedImage.record(there).write(MovedImage.record(here).read());
        HandOverRecord before = MovedImage.record(here).read();
        assertThat(side(here, there).record()).isEqualTo(before);
    }
}
