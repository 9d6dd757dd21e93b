package org.tidemark.backup.repository.map;

import org.tidemark.backup.repository.chunk.ChunkGeometry;

/** How many chunks, pages and directories an image of some size has. */
record MapShape(long sizeBytes) {
    static final int PAGE_CHUNKS = 1024;
    static final int DIRECTORY_PAGES = 256;
    static final int MAX_PAGE_REFS = 4;

    MapShape {
        if (sizeBytes < 1 || sizeBytes > ChunkGeometry.MAX_IMAGE_BYTES) {
            throw new IllegalArgumentException("an image of " + sizeBytes + " bytes; 1 to 64 TiB are possible");
        }
    }

    long chunks() {
        return ChunkGeometry.chunksOf(sizeBytes);
    }

    int pages() {
        return (int) ((chunks() + PAGE_CHUNKS - 1) / PAGE_CHUNKS);
    }

    int directories() {
        return (pages() + DIRECTORY_PAGES - 1) / DIRECTORY_PAGES;
    }

    int chunksOfPage(int page) {
        return (int) Math.min(PAGE_CHUNKS, chunks() - (long) page * PAGE_CHUNKS);
    }

    int pagesOfDirectory(int directory) {
        return Math.min(DIRECTORY_PAGES, pages() - directory * DIRECTORY_PAGES);
    }
}
