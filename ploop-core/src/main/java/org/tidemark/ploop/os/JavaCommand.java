package org.tidemark.ploop.os;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * How a process of our own is started: the Java and the classes of this one.
 *
 * @param java the program
 * @param classPath where the classes are
 */
public record JavaCommand(Path java, String classPath) {
    /** Property that names the class path of our processes, where it is not the one of the process that starts them. */
    public static final String CLASS_PATH = "tidemark.server.class.path";

    /** Property that names an archive of class data for this class path, with which Java starts faster. */
    public static final String CLASS_DATA = "tidemark.class.data";

    /** With the Java and the class path of this process. */
    public static JavaCommand ofThisJava() {
        String ours = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path", ""));
        return new JavaCommand(
                Path.of(System.getProperty("java.home", ""), "bin", "java"), System.getProperty(CLASS_PATH, ours));
    }

    /**
     * A command line, to which the arguments can be added.
     *
     * @param options for the virtual machine
     */
    public List<String> line(List<String> options, String mainClass) {
        List<String> line = new ArrayList<>();
        line.add(java.toString());
        line.addAll(options);
        line.add("-XX:+UseSerialGC");
        line.add("-XX:-UsePerfData");
        line.add("-Xshare:auto");
        String classData = System.getProperty(CLASS_DATA, "");
        if (!classData.isEmpty() && Files.isReadable(Path.of(classData))) {
            // One that does not fit this Java or this class path is ignored, and need not be mentioned.
            line.addAll(List.of(
                    "-XX:SharedArchiveFile=" + classData,
                    "-D" + CLASS_DATA + "=" + classData,
                    "-Xlog:cds=off",
                    "-Xlog:class+path=off"));
        }
        line.add("-cp");
        line.add(classPath);
        line.add(mainClass);
        return line;
    }
}
