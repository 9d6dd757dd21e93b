package org.tidemark.ploop.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.ImageLock;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/** What every {@link ImageDirectory} does. */
public abstract class AbstractImageDirectoryContract {
    private ImageDirectory directory;

    /** An empty folder. */
    protected abstract ImageDirectory newDirectory() throws IOException;

    /** Whether a file and a folder can change their names in one step. */
    protected boolean exchanges() {
        return true;
    }

    @BeforeEach
    void makeDirectory() throws IOException {
        directory = newDirectory();
    }

    private void createWith(String name, String text) throws IOException {
        try (ImageIo io = directory.create(name)) {
            TestBytes.write(io, 0, text.getBytes(java.nio.charset.StandardCharsets.US_ASCII));
        }
    }

    private String content(String name) throws IOException {
        try (ImageIo io = directory.open(name, OpenMode.READ_ONLY)) {
            return new String(TestBytes.read(io, 0, (int) io.size()), java.nio.charset.StandardCharsets.US_ASCII);
        }
    }

    @Test
    void aNewFileIsEmptyAndListed() throws IOException {
        try (ImageIo io = directory.create("a")) {
            assertThat(io.size()).isZero();
            assertThat(io.writable()).isTrue();
        }
        assertThat(directory.exists("a")).isTrue();
        assertThat(directory.list()).containsExactly("a");
    }

    @Test
    void creatingTwiceIsRefused() throws IOException {
        createWith("a", "first");
        assertThatThrownBy(() -> directory.create("a")).isInstanceOf(FileAlreadyExistsException.class);
        assertThat(content("a")).isEqualTo("first");
    }

    @Test
    void whatIsNotThereIsNotThere() throws IOException {
        assertThat(directory.exists("a")).isFalse();
        assertThatThrownBy(() -> directory.open("a", OpenMode.READ_ONLY)).isInstanceOf(NoSuchFileException.class);
        assertThatThrownBy(() -> directory.open("a", OpenMode.READ_WRITE)).isInstanceOf(NoSuchFileException.class);
        assertThatThrownBy(() -> directory.delete("a")).isInstanceOf(NoSuchFileException.class);
        assertThatThrownBy(() -> directory.rename("a", "b")).isInstanceOf(NoSuchFileException.class);
        assertThatThrownBy(() -> directory.lock("a", true)).isInstanceOf(NoSuchFileException.class);
    }

    @Test
    void aFileMayHaveSeveralNames() throws IOException {
        createWith("a", "text");
        assertThat(directory.names("a")).isEqualTo(1);
        directory.link("a", directory, "b");
        directory.sync();
        assertThat(directory.names("a")).isEqualTo(2);
        assertThat(directory.names("b")).isEqualTo(2);
        try (ImageIo io = directory.open("b", OpenMode.READ_WRITE)) {
            TestBytes.write(io, 0, "T".getBytes(java.nio.charset.StandardCharsets.US_ASCII));
        }
        assertThat(content("a")).isEqualTo("Text");
        directory.delete("a");
        assertThat(directory.names("b")).isEqualTo(1);
        assertThat(content("b")).isEqualTo("Text");
    }

    @Test
    void aFurtherNameMustBeFreeAndTheFileThere() throws IOException {
        createWith("a", "text");
        createWith("b", "other");
        assertThatThrownBy(() -> directory.link("a", directory, "b")).isInstanceOf(FileAlreadyExistsException.class);
        assertThatThrownBy(() -> directory.link("c", directory, "d")).isInstanceOf(NoSuchFileException.class);
        assertThatThrownBy(() -> directory.names("c")).isInstanceOf(NoSuchFileException.class);
        assertThat(content("b")).isEqualTo("other");
    }

    @Test
    void renameReplaces() throws IOException {
        createWith("a", "new");
        createWith("b", "old");
        directory.rename("a", "b");
        directory.sync();
        assertThat(directory.list()).containsExactly("b");
        assertThat(content("b")).isEqualTo("new");
    }

    @Test
    void anOpenFileOutlivesItsName() throws IOException {
        createWith("a", "text");
        try (ImageIo io = directory.open("a", OpenMode.READ_WRITE)) {
            directory.delete("a");
            assertThat(directory.list()).isEmpty();
            assertThat(TestBytes.read(io, 0, 4)).isEqualTo("text".getBytes(java.nio.charset.StandardCharsets.US_ASCII));
        }
    }

    @Test
    void aFileAndAFolderChangeTheirNames() throws IOException {
        createWith("a", "text");
        ImageDirectory aside = directory.createFolder("b");
        directory.link("a", aside, "inside");
        assertThat(directory.names("a")).isEqualTo(2);
        assertThat(directory.list()).containsExactly("a");
        assertThat(directory.hasFolder("b")).isTrue();
        assertThat(directory.hasFolder("a")).isFalse();
        try (ImageLock lock = directory.lock("a", true)) {
            assertThatThrownBy(() -> aside.lock("inside", false)).isInstanceOf(ImageException.class);
            assertThat(lock).isNotNull();
        }

        if (!exchanges()) {
            assertThatThrownBy(() -> directory.exchange("a", "b"))
                    .isInstanceOfSatisfying(
                            ImageException.class, e -> assertThat(e.kind()).isEqualTo(ImageException.Kind.UNSUPPORTED));
            assertThat(content("a")).isEqualTo("text");
            assertThat(aside.entry().orElseThrow().name()).isEqualTo("b");
            assertThat(aside.entry().orElseThrow().folder().list()).containsExactly("a");
            return;
        }
        directory.exchange("a", "b");
        directory.sync();
        assertThat(content("b")).isEqualTo("text");
        ImageDirectory now = directory.folder("a");
        assertThat(now.list()).containsExactly("inside");
        assertThat(now.entry().orElseThrow().name()).isEqualTo("a");
        assertThat(now.entry().orElseThrow().folder().list()).containsExactly("b");

        directory.delete("b");
        assertThat(now.names("inside")).isEqualTo(1);
        assertThatThrownBy(() -> directory.deleteFolder("a")).isInstanceOf(IOException.class);
        now.delete("inside");
        directory.deleteFolder("a");
        assertThat(directory.exists("a")).isFalse();
    }

    @Test
    void aFolderIsNoFileAndNoneIsMadeTwice() throws IOException {
        createWith("a", "text");
        directory.createFolder("b");
        assertThatThrownBy(() -> directory.createFolder("a")).isInstanceOf(FileAlreadyExistsException.class);
        assertThatThrownBy(() -> directory.createFolder("b")).isInstanceOf(FileAlreadyExistsException.class);
        assertThatThrownBy(() -> directory.folder("c")).isInstanceOf(NoSuchFileException.class);
        assertThatThrownBy(() -> directory.folder("a")).isInstanceOf(IOException.class);
        assertThatThrownBy(() -> directory.open("b", OpenMode.READ_ONLY)).isInstanceOf(IOException.class);
        assertThatThrownBy(() -> directory.delete("b")).isInstanceOf(ImageException.class);
        assertThatThrownBy(() -> directory.deleteFolder("a")).isInstanceOf(IOException.class);
        assertThat(content("a")).isEqualTo("text");
    }

    @Test
    void aNameIsOnePathElement() {
        for (String name : new String[] {"", ".", "..", "a/b", "/etc/passwd", "a\0b"}) {
            assertThatThrownBy(() -> directory.create(name)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void anExclusiveLockIsAlone() throws IOException {
        createWith("a", "text");
        try (ImageLock lock = directory.lock("a", true)) {
            assertThat(lock).isNotNull();
            assertInUse(true);
            assertInUse(false);
        }
        directory.lock("a", true).close();
    }

    @Test
    void sharedLocksGoTogether() throws IOException {
        createWith("a", "text");
        try (ImageLock first = directory.lock("a", false);
                ImageLock second = directory.lock("a", false)) {
            assertThat(first).isNotSameAs(second);
            assertInUse(true);
        }
        directory.lock("a", true).close();
    }

    private void assertInUse(boolean exclusive) {
        assertThatThrownBy(() -> directory.lock("a", exclusive))
                .isInstanceOfSatisfying(
                        ImageException.class, e -> assertThat(e.kind()).isEqualTo(ImageException.Kind.IN_USE));
    }
}
