package org.tidemark.ploop.check;

/** One thing that is wrong with a file of an image. Numbers are clusters unless their names say otherwise. */
public sealed interface Finding {
    /** The file. */
    String file();

    Severity severity();

    /** A sentence for people. */
    String describe();

    /** What a repair does about it, for people. */
    default String repair() {
        return "nothing";
    }

    /** Two clusters of the disk lie in one cluster of the file: at least one of them has the other's content. */
    record DuplicateEntry(String file, long virtualCluster, long physicalCluster) implements Finding {
        @Override
        public String repair() {
            return "the later entry gets a copy of the cluster";
        }

        @Override
        public Severity severity() {
            return Severity.DAMAGE;
        }

        @Override
        public String describe() {
            return file + ": cluster " + virtualCluster + " lies in cluster " + physicalCluster
                    + " of the file, which another entry names too";
        }
    }

    /** An entry names a cluster that the file does not have. */
    record EntryBeyondEnd(String file, long virtualCluster, long physicalCluster, long fileClusters)
            implements Finding {
        @Override
        public String repair() {
            return "the entry is cleared: the cluster reads as what is below, or as zeros";
        }

        @Override
        public Severity severity() {
            return Severity.DAMAGE;
        }

        @Override
        public String describe() {
            return file + ": cluster " + virtualCluster + " lies in cluster " + physicalCluster
                    + " of the file, which has only " + fileClusters;
        }
    }

    /** An entry names a cluster of the header or of the table. */
    record EntryIntoTable(String file, long virtualCluster, long physicalCluster) implements Finding {
        @Override
        public String repair() {
            return "the entry is cleared: the cluster reads as what is below, or as zeros";
        }

        @Override
        public Severity severity() {
            return Severity.DAMAGE;
        }

        @Override
        public String describe() {
            return file + ": cluster " + virtualCluster + " lies in cluster " + physicalCluster
                    + " of the file, which holds the header or the table";
        }
    }

    /** An entry of version 1 names a place where no cluster begins. Other programs read what is there. */
    record MisalignedEntry(String file, long virtualCluster, long sector) implements Finding {
        @Override
        public String repair() {
            return "what is there is copied into a cluster of its own; an entry outside the data is cleared";
        }

        @Override
        public Severity severity() {
            return Severity.DAMAGE;
        }

        @Override
        public String describe() {
            return file + ": cluster " + virtualCluster + " lies at sector " + sector
                    + " of the file, where no cluster begins";
        }
    }

    /** The last cluster that an entry names is cut off by the end of the file; what is missing reads as zeros. */
    record ShortCluster(String file, long virtualCluster, long physicalCluster, long presentBytes) implements Finding {
        @Override
        public String repair() {
            return "the file is made longer: the missing part reads as zeros, as it does now";
        }

        @Override
        public Severity severity() {
            return Severity.WARNING;
        }

        @Override
        public String describe() {
            return file + ": cluster " + virtualCluster + " lies in the last cluster of the file, " + physicalCluster
                    + ", of which only " + presentBytes + " bytes are there";
        }
    }

    /** Words behind the last entry that are not zero: other tools read them as entries. */
    record NonzeroPadding(String file, long firstWord, long words) implements Finding {
        @Override
        public String repair() {
            return "the words are zeroed";
        }

        @Override
        public Severity severity() {
            return Severity.WARNING;
        }

        @Override
        public String describe() {
            return file + ": " + words + " words behind the last entry of the table are not zero, first is word "
                    + firstWord;
        }
    }

    /** An entry of a cluster that lies wholly beyond the end of the disk. */
    record EntryBeyondDisk(String file, long virtualCluster, long physicalCluster) implements Finding {
        @Override
        public String repair() {
            return "the header says again that the disk is as large as the table";
        }

        @Override
        public Severity severity() {
            return Severity.DAMAGE;
        }

        @Override
        public String describe() {
            return file + ": cluster " + virtualCluster + " lies in cluster " + physicalCluster
                    + " of the file, but behind the end of the disk that the header says";
        }
    }

    /** The file does not end with a whole cluster; nothing names the rest. */
    record ShortTail(String file, long tailBytes) implements Finding {
        @Override
        public String repair() {
            return "the file is made longer, to a whole cluster";
        }

        @Override
        public Severity severity() {
            return Severity.NOTE;
        }

        @Override
        public String describe() {
            return file + ": " + tailBytes + " bytes at the end are no whole cluster and belong to nothing";
        }
    }

    /** Whole clusters that nothing names. Content is right; the space comes back by compacting. */
    record LeakedClusters(String file, long clusters, long firstCluster) implements Finding {
        @Override
        public String repair() {
            return "expanded: nothing, the next writer uses them; qcow2: their counts are lowered. image compact gives"
                    + " the space back";
        }

        @Override
        public Severity severity() {
            return Severity.NOTE;
        }

        @Override
        public String describe() {
            return file + ": " + clusters + " clusters of the file belong to nothing, first is " + firstCluster;
        }
    }

    /** Somebody has it open, or crashed. */
    record MarkedInUse(String file, int mark) implements Finding {
        @Override
        public String repair() {
            return "the mark is cleared when nothing else is wrong any more";
        }

        @Override
        public Severity severity() {
            return Severity.WARNING;
        }

        @Override
        public String describe() {
            return file + ": is marked in use (" + Integer.toHexString(mark)
                    + "): open elsewhere, or not closed before a crash";
        }
    }

    /** A conversion between the versions of the format was interrupted: entries of both kinds are in the table. */
    record InterruptedConversion(String file, boolean savedTable) implements Finding {
        @Override
        public String repair() {
            return savedTable
                    ? "the table that was saved before is put back"
                    : "nothing: the saved table is missing, restore the image from a backup";
        }

        @Override
        public Severity severity() {
            return Severity.DAMAGE;
        }

        @Override
        public String describe() {
            return file + ": a conversion between format versions was interrupted";
        }
    }

    /** The format extension of an image that was closed with one cannot be used. */
    record ExtensionFault(String file, String what) implements Finding {
        @Override
        public String repair() {
            return "the extension is dropped; the next backup of the program that stored it reads everything";
        }

        @Override
        public Severity severity() {
            return Severity.WARNING;
        }

        @Override
        public String describe() {
            return file + ": " + what;
        }
    }

    /** A file of another version of the expanded format than the top has. Read and written right here. */
    record MixedVersions(String file, int version, int topVersion) implements Finding {
        @Override
        public Severity severity() {
            return Severity.WARNING;
        }

        @Override
        public String describe() {
            return file + ": is of version " + version + " of the format, the top of version " + topVersion
                    + "; it reads right here, but merged by the ploop tool it would lose data. 'tidemark image convert IMAGE --in-place"
                    + " --format-version 2' makes it one";
        }
    }

    /** Fields of the header, the descriptor or the chain that do not agree. */
    record Contradiction(String file, Severity severity, String what) implements Finding {
        @Override
        public String describe() {
            return file + ": " + what;
        }
    }

    /** A cluster of a qcow2 file is referred to more often than its count says: it may be handed out a second time. */
    record RefcountTooLow(String file, long physicalCluster, long counted, long references) implements Finding {
        @Override
        public String repair() {
            return "the count is raised";
        }

        @Override
        public Severity severity() {
            return Severity.DAMAGE;
        }

        @Override
        public String describe() {
            return file + ": cluster " + physicalCluster + " of the file is counted " + counted
                    + " times and referred to " + references + " times";
        }
    }

    /** A cluster of a qcow2 file that holds a table belongs to something else too. */
    record Overlap(String file, long physicalCluster, String one, String other) implements Finding {
        @Override
        public String repair() {
            return "one of them gets a copy of the cluster; bitmaps are dropped, refcounts made anew";
        }

        @Override
        public Severity severity() {
            return Severity.DAMAGE;
        }

        @Override
        public String describe() {
            return file + ": cluster " + physicalCluster + " of the file belongs to " + one + " and to " + other;
        }
    }

    /** An entry of a qcow2 table that names nothing that it may name. */
    record BrokenEntry(String file, String entry, long index, String what) implements Finding {
        @Override
        public String repair() {
            return "bits that mean nothing are cleared; an entry that names nothing is cleared: the cluster reads as what is"
                    + " below, or as zeros";
        }

        @Override
        public Severity severity() {
            return Severity.DAMAGE;
        }

        @Override
        public String describe() {
            return file + ": " + entry + " " + index + " " + what;
        }
    }

    /**
     * An entry of a qcow2 table says that it is the only one to name a cluster when it is not, or when the count says
     * otherwise; or the other way round.
     *
     * @param copied what the entry says
     * @param shared whether something else names the cluster too
     */
    record CopiedMismatch(String file, String entry, long index, long physicalCluster, boolean copied, boolean shared)
            implements Finding {
        @Override
        public String repair() {
            return "the entry is put right";
        }

        @Override
        public Severity severity() {
            return copied && shared ? Severity.DAMAGE : Severity.WARNING;
        }

        @Override
        public String describe() {
            return file + ": " + entry + " " + index + " says that it is " + (copied ? "" : "not ")
                    + "the only one to name cluster " + physicalCluster + " of the file, "
                    + (copied == shared ? "which is wrong" : "its count says otherwise");
        }
    }

    /** A program that wrote the image saw that its tables contradict each other, and marked it; or a repair was interrupted. */
    record MarkedCorrupt(String file) implements Finding {
        @Override
        public String repair() {
            return "the mark is cleared when nothing else is wrong any more";
        }

        @Override
        public Severity severity() {
            return Severity.DAMAGE;
        }

        @Override
        public String describe() {
            return file + ": is marked corrupt by a program that wrote it, or by a repair that was interrupted";
        }
    }

    /** A list of a qcow2 file that cannot be read, or part of it: what is behind it was not checked. */
    record UnreadableTable(String file, String what) implements Finding {
        @Override
        public String repair() {
            return "snapshots and bitmaps that cannot be read are dropped, refcounts made anew; then check again";
        }

        @Override
        public Severity severity() {
            return Severity.DAMAGE;
        }

        @Override
        public String describe() {
            return what;
        }
    }

    /**
     * The place of the L1 table in the header of a qcow2 file is not where the table lies, or its counts are wrong.
     *
     * @param repairable whether nothing is lost when the header is believed
     */
    record MisplacedTable(String file, String what, boolean repairable) implements Finding {
        @Override
        public String repair() {
            return repairable
                    ? "the header is believed and refcounts are made anew"
                    : "none: the clusters of the right table would become free and be overwritten; restore the image from a"
                            + " backup, or put the place of the L1 table in the header right";
        }

        @Override
        public Severity severity() {
            return Severity.DAMAGE;
        }

        @Override
        public String describe() {
            return file + ": " + what;
        }
    }

    /** A qcow2 file holds clusters behind the end of its disk: the size is wrong, or an old program saved a machine's memory. */
    record DataBehindDisk(String file, long firstVirtualCluster, long clusters) implements Finding {
        @Override
        public Severity severity() {
            return Severity.NOTE;
        }

        @Override
        public String describe() {
            return file + ": " + clusters
                    + " clusters lie behind the end of the disk that the header says, first is cluster "
                    + firstVirtualCluster + "; nobody sees them";
        }
    }

    /** A persistent bitmap that its last writer did not store: it must not be believed. */
    record BitmapNotStored(String file, String bitmap) implements Finding {
        @Override
        public String repair() {
            return "nothing: it says nothing. Remove it with image bitmap remove, or clear it with the program that uses it";
        }

        @Override
        public Severity severity() {
            return Severity.NOTE;
        }

        @Override
        public String describe() {
            return file + ": the bitmap '" + bitmap + "' was not stored and says nothing";
        }
    }

    /** An entry of the snapshot table without the fields that version 3 asks for. */
    record SnapshotTooShort(String file, String snapshot) implements Finding {
        @Override
        public String repair() {
            return "the entry gets them";
        }

        @Override
        public Severity severity() {
            return Severity.WARNING;
        }

        @Override
        public String describe() {
            return file + ": the entry of snapshot '" + snapshot
                    + "' does not tell the size of its disk, as version 3 asks";
        }
    }
}
