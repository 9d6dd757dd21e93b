package org.tidemark.appliance.demo;

import java.io.Closeable;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/** What a load did, kept outside the container: lines of {@code <nanoTime> <I|A> <stream> <number>}. */
final class LoadLog implements Closeable {
    /** Names of the log's streams. */
    static final String FILES = "files";

    static final String LEDGER = "ledger";

    private final Writer out;

    LoadLog(Path file) throws IOException {
        this.out = Files.newBufferedWriter(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }

    /** Before the write is issued. */
    synchronized void issued(String stream, long number) throws IOException {
        line('I', stream, number, System.nanoTime());
    }

    /** After the write was acknowledged. */
    synchronized void acknowledged(String stream, long number) throws IOException {
        line('A', stream, number, System.nanoTime());
    }

    private void line(char kind, String stream, long number, long time) throws IOException {
        out.write(time + " " + kind + " " + stream + " " + number + "\n");
        out.flush();
    }

    @Override
    public void close() throws IOException {
        out.close();
    }

    /** One line. */
    record Entry(long nanoTime, boolean acknowledged, String stream, long number) {}

    /** Reads a log; a last line that is cut is left out. */
    static List<Entry> read(Path file) throws IOException {
        List<Entry> entries = new ArrayList<>();
        for (String line : Files.readAllLines(file)) {
            String[] words = line.split(" ");
            if (words.length == 4) {
                entries.add(
                        new Entry(Long.parseLong(words[0]), words[1].equals("A"), words[2], Long.parseLong(words[3])));
            }
        }
        return entries;
    }
}
